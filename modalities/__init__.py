"""The three experts (text, vision, policy) and where their weights come from."""
