#include "server/commands/admin_client.hpp"

#include "server/secrets/secret_file.hpp"
#include "server/text/escape.hpp"

#include <rapidjson/document.h>

#include <cstdio>

namespace callcache
{
namespace
{

constexpr auto patience = std::chrono::seconds(10);

std::optional<std::string> refuse(const std::string& why)
{
    std::fprintf(stderr, "callcache: %s\n", harmless(why).c_str());
    return std::nullopt;
}

// What an answer of callcache's own says.
std::string error_in(const std::string& body)
{
    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
    bool known = !d.HasParseError() && d.IsObject() && d.HasMember("errors") && d["errors"].IsArray() &&
                 !d["errors"].Empty() && d["errors"][0].IsString();
    std::string text = known ? d["errors"][0].GetString() : body;
    constexpr std::string_view self = "callcache: ";
    return text.starts_with(self) ? text.substr(self.size()) : text;
}

}  // namespace

std::variant<admin_door, std::string> admin_door_of(const settings& config)
{
    if (config.server.admin.empty()) return "server.admin is off, so a running callcache cannot be asked";
    admin_door door{admin_address(config), ""};
    const std::string& file = config.server.admin_token_file;
    if (file.empty()) return door;
    auto read = read_secret("server.admin_token_file", file);
    if (auto* unreadable = std::get_if<secret_unreadable>(&read)) return unreadable->text;
    door.token = std::get<std::string>(read);
    return door;
}

std::optional<std::string> operate(const settings& config, std::string_view method, std::string_view target,
                                   std::string_view did_not, std::string_view body)
{
    auto door = admin_door_of(config);
    if (auto* closed = std::get_if<std::string>(&door)) return refuse(*closed);
    const auto& [self, token] = std::get<admin_door>(door);
    auto answer = ask_self(self, method, target, patience, token, body);
    if (answer.status == 200) return std::move(answer.body);
    std::string why =
        answer.status == 0 ? answer.trouble : "status " + std::to_string(answer.status) + ", " + error_in(answer.body);
    return refuse("callcache at " + self.at.host + ":" + std::to_string(self.at.port) + " " + std::string(did_not) +
                  ": " + why);
}

}  // namespace callcache
