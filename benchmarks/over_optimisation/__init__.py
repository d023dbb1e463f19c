"""Over-optimisation in the loop: one small policy, trained against a blocked and a promoted RM."""
