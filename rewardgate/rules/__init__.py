"""Rule rewards: pure functions of (prompt, response, reference), in [0, 1]; 1 is compliance."""
