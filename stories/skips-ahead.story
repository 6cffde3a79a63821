# Stages are the buyer's. One look at the security page is worth 3 units and opens late: mid is skipped.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source newsletter, kind content
---
day 0 09:00  enrolled  new-leads
day 0 09:00  sent      early/exception-arithmetic
day 1        viewed    /security                    intent +12.0 -> 12.0
day 1 12:00  moved     early -> late                evidence 3.0, late opens at 3.0
day 3 12:00  sent      late/security-pack           first unseen in late about control, which interests them
day 7 09:00  sent      late/six-weeks               first unseen in late
day 7        end
