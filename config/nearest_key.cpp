#include "config/keys.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

// Edits (insert, delete, replace) that turn one text into the other.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i)
    {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j)
        {
            std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::string_view last_part(std::string_view path)
{
    return path.substr(path.rfind('.') + 1);
}

}  // namespace

const config_key* nearest_key(std::string_view path)
{
    const config_key* nearest = nullptr;
    std::size_t best = 5;  // further away than four edits is another word
    for (const config_key& k : config_keys())
    {
        // "rate" alone, or under the wrong section, is near to budget.rate too.
        std::size_t d = std::min(distance(path, k.path), distance(last_part(path), last_part(k.path)) + 1);
        if (d < best && d * 2 < path.size())
        {
            best = d;
            nearest = &k;
        }
    }
    return nearest;
}

}  // namespace callcache
