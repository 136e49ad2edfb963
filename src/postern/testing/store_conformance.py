"""The conformance suite of stores. A store's whole test is::

    class TestMyStore(StoreConformance):
        def open(self, folder: Path) -> Store:
            return MyStore(folder)

It needs pytest with pytest-asyncio in auto mode, and every test opens a new store.
"""

from postern.testing.conformance.redemption import CodeRedemption, DeviceDecisions, DeviceRedemption
from postern.testing.conformance.round_trips import RoundTrips
from postern.testing.conformance.sign_ins import Revocation, Rotation
from postern.testing.conformance.upkeep import Company, Guesses, Sweeping

__all__ = ["StoreConformance"]


class StoreConformance(
    RoundTrips,
    DeviceDecisions,
    DeviceRedemption,
    CodeRedemption,
    Rotation,
    Revocation,
    Guesses,
    Sweeping,
    Company,
):
    """Every promise of `postern.core.store.Store`."""
