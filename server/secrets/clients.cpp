#include "server/secrets/clients.hpp"

#include "config/ascii.hpp"
#include "config/tool_table.hpp"
#include "server/secrets/identity.hpp"

#include <openssl/crypto.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <set>

namespace callcache
{
namespace
{

digest digest_of(const identity& who)
{
    return sha256(who.scheme + " " + who.credential);
}

}  // namespace

std::variant<client_list, std::string> client_list::read(std::string_view json)
{
    if (is_utf16(json)) return "is UTF-16; save it as UTF-8";
    constexpr unsigned flags = rapidjson::kParseCommentsFlag | rapidjson::kParseTrailingCommasFlag |
                               rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
    rapidjson::Document document;
    document.Parse<flags>(json.data(), json.size());
    if (document.HasParseError() || !document.IsObject() || document.ObjectEmpty())
        return "expected {\"name of a tool\": \"its token\", …}";
    client_list list;
    std::set<std::string_view> names, tokens;
    for (const auto& member : document.GetObject())
    {
        std::string_view name(member.name.GetString(), member.name.GetStringLength());
        if (!is_tool_name(name)) return "a tool's name is 1 to 64 letters, digits, '-', '_' or '.'";
        // One that is as long as a token may be one, in the wrong place.
        std::string place = "entry " + std::to_string(names.size() + 1);
        std::string shown = (name.size() < token_characters_min ? "\"" + std::string(name) + "\"" : place) + ": ";
        if (!names.insert(name).second) return shown + "stands there twice";
        std::string_view token;
        if (member.value.IsString()) token = {member.value.GetString(), member.value.GetStringLength()};
        if (!is_token(token)) return shown + std::string(token_wanted);
        if (!tokens.insert(token).second) return shown + "has the same token as another tool";
        client c{std::string(name), digest_of({"bearer", std::string(token)}), {}};
        c.basic = digest_of(identity_of("Basic " + base64(c.name + ":" + std::string(token))));
        list.clients_.push_back(std::move(c));
    }
    return list;
}

const std::string* client_list::find(std::string_view authorization) const
{
    digest shown = digest_of(identity_of(authorization));
    const std::string* found = nullptr;
    for (const client& c : clients_)
    {
        bool bearer = CRYPTO_memcmp(shown.data(), c.bearer.data(), shown.size()) == 0;
        bool basic = CRYPTO_memcmp(shown.data(), c.basic.data(), shown.size()) == 0;
        if (bearer || basic) found = &c.name;
    }
    return found;
}

}  // namespace callcache
