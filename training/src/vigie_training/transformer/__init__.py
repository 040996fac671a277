"""A pretrained transformer: found, tuned on tweets, exported, kept for the families that build on it."""
