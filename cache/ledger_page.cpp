#include "cache/ledger_page.hpp"

#include <algorithm>
#include <utility>

namespace callcache
{
namespace
{

// Both are sorted by `key`; the later row of the same key counts.
template<class Row, class Key>
void merge_rows(std::vector<Row>& into, const std::vector<Row>& rows, Key key)
{
    for (const Row& r : rows)
    {
        auto at = std::lower_bound(into.begin(), into.end(), key(r),
                                   [&](const Row& have, const auto& wanted) { return key(have) < wanted; });
        if (at != into.end() && key(*at) == key(r))
            *at = r;
        else
            into.insert(at, r);
    }
}

}  // namespace

void merge(ledger_page& into, const ledger_page& page)
{
    ledger_page merged = page;
    merged.spent = std::move(into.spent);
    merged.shares = std::move(into.shares);
    merge_rows(merged.spent, page.spent, [](const ledger_page::minute& m) { return m.at; });
    merge_rows(merged.shares, page.shares, [](const ledger_page::share& s) { return std::pair(s.at, s.tool); });
    std::erase_if(merged.spent, [&](const auto& m) { return m.at < merged.oldest || m.count == 0; });
    std::erase_if(merged.shares, [&](const auto& s) { return s.at < merged.oldest / 10 || s.count == 0; });
    into = std::move(merged);
}

}  // namespace callcache
