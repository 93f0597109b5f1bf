"""Reading pages: lines of text with boxes, tables, fields and answers, each with its place."""

from __future__ import annotations
