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

// The strings of a member of the object that `json` is.
std::vector<std::string> strings_in(const std::string& json, const char* member)
{
    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
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
    if (!operate(config, "POST", "/resume", "did not resume")) return 1;
    print("resumed; the window and the day's budget still hold");
    return 0;
}

int reload(const settings& config)
{
    auto answer = operate(config, "POST", "/reload", "did not reload");
    if (!answer) return 1;
    auto changed = strings_in(*answer, "changed"), stays = strings_in(*answer, "needs_restart");
    for (const std::string& line : changed) print(line);
    for (const std::string& key : stays) print(key + " needs a restart, and stays as it was");
    if (changed.empty() && stays.empty()) print("nothing has changed");
    return 0;
}

int purge(const settings& config, const purge_order& order)
{
    if (!operate(config, "POST", "/purge", "did not purge", purge_body(order))) return 1;
    print(order.all ? "purged: nothing is kept any more"
                    : "purged: what was kept of " + std::to_string(order.names.size()) +
                          (order.names.size() == 1 ? " name" : " names") + " is not served any more");
    return 0;
}

int explain(const settings& config, const explain_wishes& wishes)
{
    std::string target = "/explain" + (wishes.tool.empty() ? "" : "/@" + wishes.tool) +
                         (wishes.id.starts_with('/') ? "" : "/") + wishes.id;
    auto answer = operate(config, "GET", target, "did not explain");
    if (!answer) return 1;
    for (const std::string& line : strings_in(*answer, "text")) print(line);
    return 0;
}

}  // namespace callcache
