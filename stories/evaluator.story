# Somebody who compares and looks at prices: from the first click to sales in five days. Every line says what
# it added, with what the earlier ones have faded to. A grade A needs 40 points and one timing rule.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00  enrolled  new-leads                 source search-duplicates (content)
day 0 09:00  sent      early/duplicate-hunt      first unseen in early about control, which the source names
day 1        clicked   duplicate-hunt            intent +5.0 -> 5.0
day 2        viewed    /vs/spreadsheets          intent +10.0 -> 14.8
day 3        viewed    four-ways                 intent +4.0 -> 18.1
day 3 12:00  moved     early -> mid              evidence 3.9, mid opens at 3.0
day 3 14:00  viewed    /pricing                  intent +12.0 -> 30.1
day 4        viewed    cost-calculator           intent +4.0 -> 32.8
day 4 12:00  moved     mid -> late               evidence 3.9, late opens at 3.0
day 5        viewed    /pricing                  intent +12.0 -> 43.4
day 5 12:00  promoted  to sales (grade A, intent 43.4, timing now)    agreement v3: A needs 40.0
day 7        accepted
day 30       end
