"""The groups of transformations up to which representations may agree, smallest first.

A new group is one file here and one line in :data:`GROUPS`.
"""

from nearid.groups.base import Group, Transformation
from nearid.groups.identity import Identity
from nearid.groups.linear import Linear
from nearid.groups.rigid import Rigid
from nearid.groups.signed_permutation import SignedPermutation
from nearid.groups.similarity import Similarity

__all__ = [
    "GROUPS",
    "Group",
    "Identity",
    "Linear",
    "Rigid",
    "SignedPermutation",
    "Similarity",
    "Transformation",
]

#: Every group by name; each contains the ones before it.
GROUPS: dict[str, Group] = {
    group.name: group
    for group in (Identity(), SignedPermutation(), Rigid(), Similarity(), Linear())
}
