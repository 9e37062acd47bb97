#include "server/admin/purge_order.hpp"

#include "cache/call_id.hpp"
#include "cache/entry.hpp"
#include "server/text/human.hpp"
#include "server/text/json_text.hpp"

#include <rapidjson/document.h>

#include <algorithm>

namespace callcache
{
namespace
{

constexpr const char* expected = "expected {\"ids\": [\"7782342274025937895\", \"/v2/users/7\"]} or {\"all\": true}";
constexpr std::size_t name_bytes_max = 4096;

std::string_view text_of(const rapidjson::Value& v)
{
    return {v.GetString(), v.GetStringLength()};
}

}  // namespace

bool is_purgeable(std::string_view name)
{
    return is_call_id(name) ||
           (name.starts_with('/') && name.size() <= name_bytes_max &&
            std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' ' && c < 127; }));
}

std::variant<purge_order, std::string> read_purge_order(std::string_view json)
{
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(json.data(), json.size());
    if (document.HasParseError() || !document.IsObject() || document.MemberCount() != 1) return expected;
    const auto& member = *document.MemberBegin();
    std::string_view key = text_of(member.name);
    if (key == "all" && member.value.IsTrue()) return purge_order{true, {}};
    if (key != "ids" || !member.value.IsArray() || member.value.Empty()) return expected;
    purge_order order;
    for (const auto& id : member.value.GetArray())
    {
        if (!id.IsString() || !is_purgeable(text_of(id)))
            return "ids holds something that is neither a call's id, as text of 1 to 20 digits, nor a path";
        order.names.emplace_back(path_of(text_of(id)));
    }
    return order;
}

std::string purged_text(const purge_order& order, std::optional<std::uint64_t> kept)
{
    if (kept == 0) return order.all ? "nothing was kept" : "nothing was kept of what you named";
    if (order.all) return "purged: nothing is kept any more";
    const std::string names = grouped(order.names.size()) + (order.names.size() == 1 ? " name" : " names");
    if (kept && *kept < order.names.size())
        return "purged: something was kept of " + grouped(*kept) + " of " + names + ", and is not served any more";
    return "purged: what was kept of " + names + " is not served any more";
}

std::string purge_body(const purge_order& order)
{
    return json_object([&](json_text& json) { order.all ? json("all", true) : json("ids", order.names); });
}

}  // namespace callcache
