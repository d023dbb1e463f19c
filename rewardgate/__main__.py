"""`python -m rewardgate`, the form in which `accelerate launch` starts a command."""

from rewardgate.cli import main

main()
