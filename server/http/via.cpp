#include "server/http/via.hpp"

#include "server/http/head_guard.hpp"

#include <array>
#include <cstdio>
#include <random>

namespace callcache
{

const std::string& own_via()
{
    static const std::string via = [] {
        std::array<char, 9> digits{};
        std::snprintf(digits.data(), digits.size(), "%08x", unsigned(std::random_device()()));
        return std::string("1.1 callcache-") + digits.data();
    }();
    return via;
}

// A member is `[protocol "/"] version SP name`, and maybe a comment.
bool names_this_process(std::string_view via)
{
    const std::string_view name = std::string_view(own_via()).substr(std::string_view("1.1 ").size());
    while (!via.empty())
    {
        std::string_view member = trimmed(take_element(via));
        member.remove_prefix(std::min(member.find(' '), member.size()));
        member = trimmed(member);
        if (equals_lower(member.substr(0, member.find(' ')), name)) return true;
    }
    return false;
}

}  // namespace callcache
