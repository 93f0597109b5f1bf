"""Two engines behind one interface: llama.cpp in-process, and transformers."""
