// Whether the budget is written down.
#pragma once

namespace callcache
{

// Where what is spent is written down, as the last page that was to be written showed it.
enum class ledger_state
{
    durable,    // in the ledger, a power cut included
    in_memory,  // the page could not be written: it counts from memory, and goes into the ledger with the next that can
    not_ours,   // nowhere, for good: our lock on the ledger is lost, so another process may own it, and send
};

}  // namespace callcache
