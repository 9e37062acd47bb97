#include "config/keys.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

constexpr std::size_t too_far = 5;  // so many edits make another word

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

std::string_view section(std::string_view path)
{
    return path.substr(0, path.size() - std::min(path.size(), last_part(path).size() + 1));
}

// True if `known` holds `written` between underscores: "admin_token_file" has "admin_token".
bool has_words(std::string_view known, std::string_view written)
{
    return !written.empty() &&
           ("_" + std::string(known) + "_").find("_" + std::string(written) + "_") != std::string::npos;
}

}  // namespace

const config_key* nearest_key(std::string_view path)
{
    for (const key_flag& f : key_flags())
        if (f.flag.substr(2) == path) return find_key(f.key);
    const config_key* nearest = nullptr;
    std::size_t best = too_far;
    for (const config_key& k : config_keys())
    {
        std::size_t d = distance(path, k.path);
        std::string_view name = last_part(path), known = last_part(k.path);
        if (section(path) == section(k.path) && has_words(known, name))
            d = std::min<std::size_t>(d, 2);
        else
            // "rate" alone, or under the wrong section, is near to budget.rate too.
            d = std::min(d, distance(name, known) + 1);
        if (d < best && d * 2 < path.size())
        {
            best = d;
            nearest = &k;
        }
    }
    return nearest;
}

std::string nearest_name(std::string_view written, const std::vector<std::string>& names)
{
    std::string nearest;
    std::size_t best = too_far;
    for (const std::string& name : names)
        if (std::size_t d = distance(written, name); d < best && d * 2 < written.size())
        {
            best = d;
            nearest = name;
        }
    return nearest;
}

}  // namespace callcache
