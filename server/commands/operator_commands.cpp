// `callcache resume`, `reload`, `purge` and `explain`: short orders and questions to a running callcache.

#include "server/commands/admin_client.hpp"
#include "server/commands/commands.hpp"
#include "server/text/escape.hpp"

#include <rapidjson/document.h>

#include <cstdio>

namespace callcache
{
namespace
{

rapidjson::Document read_json(const std::string& json)
{
    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
    return d;
}

// The strings of a member of the object that `json` is.
std::vector<std::string> strings_in(const std::string& json, const char* member)
{
    const rapidjson::Document d = read_json(json);
    std::vector<std::string> all;
    if (d.HasParseError() || !d.IsObject() || !d.HasMember(member) || !d[member].IsArray()) return all;
    for (const auto& one : d[member].GetArray())
        if (one.IsString()) all.emplace_back(one.GetString(), one.GetStringLength());
    return all;
}

void print(const std::string& line)
{
    std::puts(harmless(line).c_str());
}

}  // namespace

int resume(const settings& config)
{
    auto answer = operate(config, {"POST", "/resume", "did not resume", "resumed"});
    if (!answer) return 1;
    print(read_json(*answer)["resumed"].IsTrue() ? "resumed: the pause that Gong asked for is over; the window and the "
                                                   "day's budget still hold"
                                                 : "nothing was paused: Gong has not asked anybody to wait");
    return 0;
}

int reload(const settings& config)
{
    auto answer = operate(config, {"POST", "/reload", "did not reload", "changed"});
    if (!answer) return 1;
    auto changed = strings_in(*answer, "changed"), stays = strings_in(*answer, "needs_restart");
    for (const std::string& line : changed) print(line);
    for (const std::string& key : stays) print(key + " needs a restart, and stays as it was");
    if (changed.empty() && stays.empty()) print("nothing has changed");
    return 0;
}

int purge(const settings& config, const purge_order& order)
{
    auto answer = operate(config, {"POST", "/purge", "did not purge", "purged", purge_body(order)});
    if (!answer) return 1;
    const rapidjson::Document d = read_json(*answer);
    auto kept = d.FindMember("kept");  // null where callcache did not count, absent in an older one
    bool is_known = kept != d.MemberEnd() && kept->value.IsUint64();
    print(purged_text(order, is_known ? std::optional(kept->value.GetUint64()) : std::nullopt));
    return 0;
}

int explain(const settings& config, const explain_wishes& wishes)
{
    std::string target = "/explain" + (wishes.tool.empty() ? "" : "/@" + wishes.tool) +
                         (wishes.id.starts_with('/') ? "" : "/") + wishes.id;
    auto answer = operate(config, {"GET", target, "did not explain", "text"});
    if (!answer) return 1;
    for (const std::string& line : strings_in(*answer, "text")) print(line);
    return 0;
}

}  // namespace callcache
