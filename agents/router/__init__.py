"""The router: one request in, a distribution over the experts out."""

from shoal.agents.router.dial import Dial, Precedent
from shoal.agents.router.exploring import Explorer
from shoal.agents.router.router import Route, Router

__all__ = ["Dial", "Explorer", "Precedent", "Route", "Router"]
