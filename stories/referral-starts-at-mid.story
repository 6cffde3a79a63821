# A customer sent them, so they start at mid (stages.prior). It is evidence like any other: it fades to 1 on
# day 33.28, and they are early again.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source partner-day, kind referral
---
day 0 09:00   moved     early -> mid            evidence 3.0, mid opens at 3.0
day 0 09:00   enrolled  new-leads               source partner-day (referral)
day 0 09:00   sent      mid/four-ways           first unseen in mid
day 3 09:00   sent      mid/cost-calculator
day 7 09:00   sent      mid/erp-enough
day 10 09:00  sent      mid/vendor-questions
day 14 09:00  sent      mid/tolerance-session
day 17 09:00  sent      mid/fair-test
day 31 09:00  left      new-leads
day 33 14:49  moved     mid -> early            evidence faded to 1.0, below 1.0
day 40        end
