"""`nurture doctor`: what is right, doubtful and wrong with a workspace, its database and its domain's DNS.

`examine(folder, integrity=False)` gives the findings, group by group; it changes nothing.
`examine_dns(domain, smtp, resolver=None)` is the part that asks the DNS.
"""

from nurture.doctor.authentication import examine_dns
from nurture.doctor.examining import examine
from nurture.doctor.findings import Finding, State

__all__ = ["Finding", "State", "examine", "examine_dns"]
