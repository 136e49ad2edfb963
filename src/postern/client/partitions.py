"""The partitions of AWS: which regions are theirs and under which domains their endpoints are. Held to what botocore
ships (partitions.json) by a test.
"""

import re

import msgspec


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """``region_pattern`` matches whole names of regions; ``pseudo_region`` is the one that no pattern matches."""

    name: str
    region_pattern: str
    dns_suffix: str
    dualstack_suffix: str
    pseudo_region: str = ""
    supports_fips: bool = True
    supports_dualstack: bool = True

    def has(self, region: str) -> bool:
        return region == self.pseudo_region or re.fullmatch(self.region_pattern, region) is not None


PARTITIONS = (
    Partition(
        name="aws",
        region_pattern=r"(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+",
        dns_suffix="amazonaws.com",
        dualstack_suffix="api.aws",
        pseudo_region="aws-global",
    ),
    Partition(
        name="aws-cn",
        region_pattern=r"cn-\w+-\d+",
        dns_suffix="amazonaws.com.cn",
        dualstack_suffix="api.amazonwebservices.com.cn",
        pseudo_region="aws-cn-global",
    ),
    Partition(
        name="aws-eusc",
        region_pattern=r"eusc-(de)-\w+-\d+",
        dns_suffix="amazonaws.eu",
        dualstack_suffix="api.amazonwebservices.eu",
    ),
    Partition(
        name="aws-iso",
        region_pattern=r"us-iso-\w+-\d+",
        dns_suffix="c2s.ic.gov",
        dualstack_suffix="api.aws.ic.gov",
        pseudo_region="aws-iso-global",
    ),
    Partition(
        name="aws-iso-b",
        region_pattern=r"us-isob-\w+-\d+",
        dns_suffix="sc2s.sgov.gov",
        dualstack_suffix="api.aws.scloud",
        pseudo_region="aws-iso-b-global",
    ),
    Partition(
        name="aws-iso-e",
        region_pattern=r"eu-isoe-\w+-\d+",
        dns_suffix="cloud.adc-e.uk",
        dualstack_suffix="api.cloud-aws.adc-e.uk",
        pseudo_region="aws-iso-e-global",
    ),
    Partition(
        name="aws-iso-f",
        region_pattern=r"us-isof-\w+-\d+",
        dns_suffix="csp.hci.ic.gov",
        dualstack_suffix="api.aws.hci.ic.gov",
        pseudo_region="aws-iso-f-global",
    ),
    Partition(
        name="aws-us-gov",
        region_pattern=r"us-gov-\w+-\d+",
        dns_suffix="amazonaws.com",
        dualstack_suffix="api.aws",
        pseudo_region="aws-us-gov-global",
    ),
)


def partition_of(region: str) -> Partition:
    """The partition that ``region`` is in; the first one, ``aws``, for a region that none of them claims."""
    return next((partition for partition in PARTITIONS if partition.has(region)), PARTITIONS[0])
