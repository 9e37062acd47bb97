// What an operator sees of the budget and of the way upstream.
#pragma once

#include "server/budget/budget_report.hpp"
#include "server/fetch/bulk_reads.hpp"
#include "server/fetch/upstream_counts.hpp"

#include <cstddef>
#include <string>

namespace callcache
{

struct upstream_report
{
    budget_report spending;
    std::string vendor_remaining;  // the vendor's last x-ratelimit-remaining
    bool is_up = true;
    std::size_t flights = 0;
    bulk_report bulk;
    upstream_totals totals;
    duplicate_report duplicates;
    std::size_t connections = 0;
};

}  // namespace callcache
