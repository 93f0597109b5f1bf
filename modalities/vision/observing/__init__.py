"""Pictures as observations of a policy: extractors, frozen or trained, and cached embeddings."""
