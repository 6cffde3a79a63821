# Who unsubscribes hears nothing more, but may still ask for us. Sales gets the request; they get no mail,
# also not when sales gives the lead back and its rest of 90 days is over.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled      new-leads
day 0 09:00   sent          early/duplicate-hunt
day 1         unsubscribed
day 20        viewed        /pricing                 intent +12.0 -> 12.0
day 21        form          demo
day 21 12:00  promoted      to sales (grade A, asked for sales)    asked for sales (demo)
day 22        accepted
day 30        recycled      not_now
day 130       end
