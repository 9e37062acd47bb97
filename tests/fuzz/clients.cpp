// The file of clients. Whoever stands in a list that is accepted is found by the token that stands there, both ways; a
// refusal tells no token.

#include "server/secrets/clients.hpp"
#include "server/secrets/identity.hpp"
#include "tests/fuzz/targets.hpp"

#include <rapidjson/document.h>

namespace callcache::fuzz
{
namespace
{

void check_found(const client_list& list, std::string_view name, std::string_view token)
{
    const std::string* bearer = list.find("Bearer " + std::string(token));
    const std::string* basic = list.find("Basic " + base64(std::string(name) + ":" + std::string(token)));
    always(bearer && *bearer == name, "a token as Bearer finds its client");
    always(basic && *basic == name, "a name and its token as Basic find their client");
}

// `problem` without what stands between quotes.
std::string without_names(const std::string& problem)
{
    std::string text;
    bool within = false;
    for (char c : problem)
    {
        if (c == '"') within = !within;
        if (!within) text += c;
    }
    return text;
}

}  // namespace

void clients(std::string_view text)
{
    exactly json(text);
    auto read = client_list::read(json.view());
    auto* list = std::get_if<client_list>(&read);
    auto* problem = std::get_if<std::string>(&read);
    if (problem) always(!has_control_character(*problem), "a problem is a line of text");
    if (list) always(!list->find("") && !list->find("Bearer ") && !list->find("Basic "), "no token finds nobody");

    constexpr unsigned flags =
        rapidjson::kParseCommentsFlag | rapidjson::kParseTrailingCommasFlag | rapidjson::kParseIterativeFlag;
    rapidjson::Document d;
    d.Parse<flags>(text.data(), text.size());
    if (d.HasParseError() || !d.IsObject()) return always(!list, "what is no object is no list of clients");
    if (list) always(list->size() == d.MemberCount(), "each member is a client");
    for (const auto& m : d.GetObject())
    {
        if (!m.value.IsString()) continue;
        std::string_view name(m.name.GetString(), m.name.GetStringLength());
        std::string_view token(m.value.GetString(), m.value.GetStringLength());
        if (list) check_found(*list, name, token);
        // The name of the client that is refused is told, whatever stands in it.
        bool secret = token.size() >= 16 && token.find(' ') == std::string_view::npos;
        if (problem && secret)
            always(without_names(*problem).find(token) == std::string::npos, "a refusal tells no token");
    }
}

}  // namespace callcache::fuzz
