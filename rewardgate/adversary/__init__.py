"""An adversary that plays the policy: it raises the reward by any means and watches the worth."""
