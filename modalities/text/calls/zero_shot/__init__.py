"""Reads tool calls from a request with nothing that was trained for it.

Candidates are the request's numbers, dates, quotes, names and noun-like stretches. What
speaks for one are the words beside it, its unit, the preposition before it, and how like
the slot it is in meaning (MiniLM); where that does not settle a text, the language model's
likelihood does. Values are then bound together by the same search as the call encoder's.
"""
