#include "server/commands/admin_client.hpp"

#include "server/commands/answer_trouble.hpp"
#include "server/secrets/secret_file.hpp"
#include "server/text/escape.hpp"

#include <rapidjson/document.h>

#include <cstdio>

namespace callcache
{
namespace
{

constexpr auto patience = std::chrono::seconds(10);

bool has_member(const std::string& json, const char* member)
{
    rapidjson::Document d;
    d.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
    return !d.HasParseError() && d.IsObject() && d.HasMember(member);
}

}  // namespace

std::variant<admin_door, std::string> admin_door_of(const settings& config)
{
    if (config.server.admin.empty())
        return "server.admin is off, so a running callcache cannot be asked. Name its admin address with --admin "
               "HOST:PORT, or give it one";
    admin_door door{admin_address(config), ""};
    const std::string& file = config.server.admin_token_file;
    if (file.empty()) return door;
    auto read = read_secret("server.admin_token_file", file);
    if (auto* unreadable = std::get_if<secret_unreadable>(&read)) return unreadable->text;
    door.token = std::get<std::string>(read);
    return door;
}

int refuse(const std::string& why)
{
    return std::fprintf(stderr, "callcache: %s\n", harmless(why).c_str()), 1;
}

std::optional<std::string> operate(const settings& config, const admin_question& q)
{
    auto door = admin_door_of(config);
    if (auto* closed = std::get_if<std::string>(&door)) return refuse(*closed), std::nullopt;
    const auto& [self, token] = std::get<admin_door>(door);
    auto answer = ask_self(self, q.method, q.target, patience, token, q.body);
    if (answer.status == 200 && has_member(answer.body, q.answered_with)) return std::move(answer.body);
    return refuse(answer_trouble(self, answer, q.did_not)), std::nullopt;
}

}  // namespace callcache
