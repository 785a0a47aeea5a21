"""What the files really do, found out on scratch databases: every way down is tried."""

from banister.proof.prover import prove
from banister.proof.verdicts import AgainVerdict, ChainProof, DownVerdict, Proof, ProofEvent, Proven

__all__ = ["AgainVerdict", "ChainProof", "DownVerdict", "Proof", "ProofEvent", "Proven", "prove"]
