"""The end of a program: what it changes is written when all is computed, and nothing can fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from .lower import is_ufunc
from .program import Equation, Literal, Program, Update, Var
from .slots import ArgumentSlot, ArraySlot, StateSlot, TensorSlot
from .views import roots

__all__ = ["Commit", "handed_out", "in_place", "needed_reads", "numbers_of", "planned"]

PIECE = 1 << 14
"""How many elements of a large array are changed at a time: they fit into a fast cache."""


@dataclass
class Commit:
    """The order of a program, with what changes arrays in place at its end.

    Attributes
    ----------
    first, last
        The equations; those of ``last`` write into arrays that the program reads.
    targets
        For each result of ``last``, the value whose array it is written into.
    before
        For each result of ``last``, the operations done together with it, piece by piece.
    inside
        For those of ``before`` that are results of changes themselves, the value whose array they
        are written into, piece by piece.
    copies
        What else is copied at the end: a value, and the value whose array it goes into.
    saved
        Those of the copied values that are in arrays which change, and are copied before that.
    handed_out
        The values that leave the program in arrays of their own.
    """

    first: list[Equation]
    last: list[Equation] = field(default_factory=list)
    targets: dict[Var, Var] = field(default_factory=dict)
    before: dict[Var, list[Equation]] = field(default_factory=dict)
    inside: dict[Var, Var] = field(default_factory=dict)
    copies: list[tuple[Var, Var]] = field(default_factory=list)
    saved: list[Var] = field(default_factory=list)
    handed_out: list[Var] = field(default_factory=list)


def in_place(program: Program) -> dict[int, Var]:
    """Return which updates, by position, change an array that the program has read."""
    arrays = {
        read.slot.place: read.var
        for read in program.reads
        if isinstance(read.slot, (TensorSlot, StateSlot, ArraySlot)) and not read.var.scalar
    }
    found = {}
    for i, update in enumerate(program.updates):
        target = arrays.get(update.slot.place)
        if target is not None and _fits(update, target):
            found[i] = target
    return found


def needed_reads(program: Program) -> Program:
    """Return the program with the reads that it needs; arguments are looked at in any case."""
    used = {var for equation in program.equations for var in equation.uses()}
    used |= {*program.results(), *in_place(program).values()}
    needed = program.with_equations(program.equations)
    needed.reads = [
        read for read in program.reads if read.var in used or isinstance(read.slot, ArgumentSlot)
    ]
    return needed


def handed_out(program: Program, changes: Collection[int]) -> list[Var]:
    """Return the arrays that leave the program: outputs, and updates that are not in place."""
    atoms = [output.atom for output in program.outputs]
    atoms += [update.atom for i, update in enumerate(program.updates) if i not in changes]
    return list(dict.fromkeys(a for a in atoms if isinstance(a, Var) and not a.scalar))


def numbers_of(program: Program) -> list[Var]:
    """Return the Python numbers that leave the program."""
    atoms = [*(output.atom for output in program.outputs), *(u.atom for u in program.updates)]
    return list(dict.fromkeys(a for a in atoms if isinstance(a, Var) and a.scalar))


def planned(program: Program, held: set[Var]) -> Commit:
    """Find the equations that may write where their results belong, and put them last.

    One may if nobody else needs its result, and it comes after all that read what it overwrites.
    """
    changes = {i: target for i, target in in_place(program).items() if target in held}
    arrays = handed_out(program, changes)
    uses = Counter(var for equation in program.equations for var in equation.uses())
    makers = {equation.out: equation for equation in program.equations}
    wanted = Counter(program.updates[i].atom for i in changes)
    commit = Commit([], handed_out=arrays)
    late: dict[Var, Equation] = {}
    for i, target in changes.items():
        atom = program.updates[i].atom
        assert isinstance(atom, Var)
        maker = makers.get(atom)
        if (
            maker is not None
            and is_ufunc(maker.op)
            and not uses[atom]
            and wanted[atom] == 1
            and atom not in arrays
        ):
            late[atom] = maker
            commit.targets[atom] = target
        else:
            commit.copies.append((atom, target))
    root = roots(program.equations)
    for atom in _conflicting(late, commit.targets, root):
        commit.copies.append((atom, commit.targets.pop(atom)))
        del late[atom]
    others = {atom: target for atom, target in commit.copies if wanted[atom] == 1}
    apart = {atom for atom, _ in commit.copies} - others.keys() | set(arrays)
    while True:
        for atom, equation in late.items():
            commit.before[atom] = _leading_to(equation, makers, uses, root, apart)
        commit.inside = {
            e.out: others[e.out] for made in commit.before.values() for e in made if e.out in others
        }
        wrong = _read_too_late(program, commit, late, root)
        if not wrong:
            break
        apart |= wrong
    commit.copies = [(atom, target) for atom, target in commit.copies if atom not in commit.inside]
    moved = {e.out for made in commit.before.values() for e in made} | late.keys()
    commit.first = [equation for equation in program.equations if equation.out not in moved]
    commit.last = list(late.values())
    overwritten = {*commit.targets.values(), *commit.inside.values()}
    overwritten |= {target for _, target in commit.copies}
    commit.saved = [a for a, _ in commit.copies if root.get(a, a) in overwritten]
    return commit


def _conflicting(
    late: dict[Var, Equation], targets: dict[Var, Var], root: dict[Var, Var]
) -> list[Var]:
    """Return results that need what another of them overwrites."""
    overwritten = set(targets.values())
    return [
        atom
        for atom, equation in late.items()
        if any(
            root.get(var, var) in overwritten and root.get(var, var) is not targets[atom]
            for var in equation.uses()
        )
    ]


def _read_too_late(
    program: Program, commit: Commit, late: dict[Var, Equation], root: dict[Var, Var]
) -> set[Var]:
    """Return results within pieces that cannot be written there: what they overwrite is needed.

    All that reads it must be done before, or at the same piece and not after.
    """
    place: dict[Var, tuple[Var, int]] = {}
    for atom, made in commit.before.items():
        for i, equation in enumerate((*made, late[atom])):
            place[equation.out] = atom, i
    by_target = {target: atom for atom, target in commit.inside.items()}
    wrong = {atom for atom, target in commit.inside.items() if target in commit.targets.values()}
    wrong |= {atom for atom, target in commit.inside.items() if by_target[target] is not atom}
    for equation in program.equations:
        where = place.get(equation.out)
        if where is None:
            continue  # before all that changes anything
        for var in equation.uses():
            writer = by_target.get(root.get(var, var))
            if writer is not None:
                at = place[writer]
                if where[0] is not at[0] or where[1] > at[1] or var in root:
                    wrong.add(writer)
    return wrong


def _leading_to(
    last: Equation,
    makers: dict[Var, Equation],
    uses: Counter[Var],
    root: dict[Var, Var],
    handed_out: set[Var],
) -> list[Equation]:
    """Return the operations that only ``last`` needs, to be done with it piece by piece.

    So what changes a large array never needs another one of that size.
    """
    shape = last.out.shape

    def by_pieces(equation: Equation) -> bool:
        return is_ufunc(equation.op) and all(
            not atom.shape or (atom.shape == shape and atom not in root) for atom in equation.inputs
        )

    if last.out.size <= PIECE or not by_pieces(last):
        return []
    found: list[Equation] = []
    pending = [last]
    while pending:
        for atom in pending.pop().inputs:
            maker = makers.get(atom) if isinstance(atom, Var) else None
            if (
                maker is not None
                and maker.out.shape == shape
                and uses[maker.out] == 1
                and maker.out not in handed_out
                and by_pieces(maker)
            ):
                found.append(maker)
                pending.append(maker)
    return found[::-1]


def _fits(update: Update, target: Var) -> bool:
    atom = update.atom
    if isinstance(atom, Literal) or atom.scalar:
        return False
    return atom.shape == target.shape and atom.dtype == target.dtype
