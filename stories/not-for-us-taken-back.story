# "Not before" is a rest that no click ends. "Not for us" closes: pressed by mistake it is taken back, and they go on
# where they were; meant, it stands whatever they read, until they ask for sales themselves.
start: 2026-10-05 09:00 Europe/London
who: role controller, employees 400, industry manufacturing, invoices 3000, country GB, source search-duplicates, kind content
---
day 0 09:00   enrolled      new-leads
day 0 09:00   sent          early/duplicate-hunt
day 1 12:00   declined
day 1 15:00   reconsidered
day 3         sent          early/self-assessment
day 5         declined      until day 40
day 6         viewed        four-ways
day 40 12:00  enrolled      new-leads               takes new-leads up again
day 42        sent          early/exception-arithmetic
day 45        sent          early/supplier-calls
day 45        declined
day 46        viewed        /vs/spreadsheets
day 60        form          demo
day 60 12:00  promoted      to sales
day 61        end
