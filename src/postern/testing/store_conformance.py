"""The conformance suite of stores. A store's whole test is::

    class TestMyStore(StoreConformance):
        def open(self, folder: Path) -> Store:
            return MyStore(folder)

It needs pytest with pytest-asyncio in auto mode, and every test opens a new store.
"""

from postern.testing.conformance.account_access import AccountAccess
from postern.testing.conformance.applications import ApplicationCodes, ApplicationRotation, Assertions
from postern.testing.conformance.configuration import Configuration, ConfigurationRefusals, Dependants
from postern.testing.conformance.directory import Attributes, RsaKeys, Standing
from postern.testing.conformance.epochs import Epochs
from postern.testing.conformance.exchanges import Exchanges, Lineages
from postern.testing.conformance.instances import DirectoryChanges, Instances
from postern.testing.conformance.portal_page import PortalPages
from postern.testing.conformance.redemption import CodeRedemption, DeviceDecisions, DeviceRedemption
from postern.testing.conformance.round_trips import RoundTrips
from postern.testing.conformance.sessions import BrowserSessionRaces, Sessions, SessionsOfApplications
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
    Configuration,
    ConfigurationRefusals,
    Dependants,
    Attributes,
    Standing,
    RsaKeys,
    Assertions,
    ApplicationRotation,
    ApplicationCodes,
    Exchanges,
    Lineages,
    AccountAccess,
    Instances,
    DirectoryChanges,
    PortalPages,
    BrowserSessionRaces,
    Sessions,
    SessionsOfApplications,
    Epochs,
):
    """Every promise of `postern.core.store.Store`."""
