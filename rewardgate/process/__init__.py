"""The process reward model: the reward model's network, trained to say of each step if it is right.

Lightman et al. 2023, "Let's Verify Step by Step".
"""
