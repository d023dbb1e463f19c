"""The pipeline killed at random moments and robbed of its disk, remote, cache and server."""
