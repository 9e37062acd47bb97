#include "server/http/via.hpp"

#include "server/http/head_guard.hpp"

#include <array>
#include <cstdio>
#include <random>

namespace callcache
{

namespace
{

const std::string& digits()
{
    static const std::string of_process = [] {
        std::array<char, 9> text{};
        std::snprintf(text.data(), text.size(), "%08x", unsigned(std::random_device()()));
        return std::string(text.data());
    }();
    return of_process;
}

}  // namespace

const std::string& own_via()
{
    static const std::string via = "1.1 callcache-" + digits();
    return via;
}

const std::string& own_body_begins()
{
    static const std::string text = R"({"requestId":"cc-)" + digits();
    return text;
}

bool is_own_body(std::string_view body)
{
    constexpr std::size_t chunk_size_max = 16;  // as text, with its line's end
    return body.substr(0, chunk_size_max + own_body_begins().size()).find(own_body_begins()) != std::string_view::npos;
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
