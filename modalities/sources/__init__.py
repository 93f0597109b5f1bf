"""Where weights come from: names, hashes and licences; nothing is fetched unasked."""

from shoal.modalities.sources.catalog import Source, catalog, get, tuned_folder, user_catalog
from shoal.modalities.sources.locate import any_cached, find, hub_source, locate, verify
from shoal.modalities.sources.pull import pull

__all__ = [
    "Source",
    "any_cached",
    "catalog",
    "find",
    "get",
    "hub_source",
    "locate",
    "pull",
    "tuned_folder",
    "user_catalog",
    "verify",
]
