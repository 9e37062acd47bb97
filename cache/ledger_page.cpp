#include "cache/ledger_page.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace callcache
{
namespace
{

// For as many more; seldom, so that what is there is seldom moved.
template<class Row>
void make_room(std::vector<Row>& rows, std::size_t more)
{
    std::size_t needed = rows.size() + more;
    if (rows.capacity() < needed) rows.reserve(std::max(needed, 2 * rows.size()));
}

// Both are sorted by `key`; the later row of the same key counts. REQUIRES: there is room.
template<class Row, class Key>
void merge_rows(std::vector<Row>& into, std::vector<Row>& rows, Key key)
{
    for (Row& r : rows)
    {
        auto at = std::lower_bound(into.begin(), into.end(), key(r),
                                   [&](const Row& have, const auto& wanted) { return key(have) < wanted; });
        if (at != into.end() && key(*at) == key(r))
            *at = std::move(r);
        else
            into.insert(at, std::move(r));
    }
}

}  // namespace

void merge(ledger_page& into, ledger_page page)
{
    make_room(into.spent, page.spent.size());
    make_room(into.shares, page.shares.size());
    // Nothing below can fail: no page is merged in part.
    std::swap(into.spent, page.spent);
    std::swap(into.shares, page.shares);
    std::swap(into, page);
    merge_rows(into.spent, page.spent, [](const ledger_page::minute& m) { return m.at; });
    merge_rows(into.shares, page.shares,
               [](const ledger_page::share& s) { return std::pair(s.at, std::string_view(s.tool)); });
    std::erase_if(into.spent, [&](const auto& m) { return m.at < into.oldest || m.count == 0; });
    std::erase_if(into.shares, [&](const auto& s) { return s.at < into.oldest / 10 || s.count == 0; });
}

digest digest_of(const ledger_page& page)
{
    std::string bytes;
    bytes.reserve(256 + 16 * page.spent.size() + 48 * page.shares.size());
    auto number = [&](std::int64_t n) { bytes.append(reinterpret_cast<const char*>(&n), sizeof n); };
    auto text = [&](const std::string& t) {
        number(std::int64_t(t.size()));
        bytes += t;
    };
    number(to_micros(page.time));
    number(to_micros(page.wall));
    number(std::chrono::nanoseconds(page.steady.time_since_epoch()).count());
    text(page.boot);
    number(to_micros(page.any_day_until));
    number(to_micros(page.paused_until));
    number(page.clean);
    number(std::int64_t(page.spent.size()));
    for (const ledger_page::minute& m : page.spent)
    {
        number(m.at);
        number(m.count);
    }
    for (const ledger_page::share& s : page.shares)
    {
        number(s.at);
        text(s.tool);
        number(s.count);
    }
    return sha256(bytes);
}

}  // namespace callcache
