#include "server/front/asker.hpp"

#include "cache/digest.hpp"
#include "server/text/escape.hpp"

namespace callcache
{
namespace
{

constexpr std::size_t shown_agent_max = 40;

// A tool that does not say its name is its credential and its User-Agent: "python-requests/2.31 #5f0c".
std::string unnamed_tool(std::string_view user_agent, const partition* whose)
{
    std::string name = harmless(user_agent);
    if (name.empty()) name = "unnamed";
    return whose ? name + " #" + hex(whose->name(), 2) : name;
}

std::string_view route_word(const routed& to)
{
    if (to.what == route::lookup || to.what == route::bad_id) return calls_route;
    return to.what == route::kept ? std::string_view(to.kept_by->path) : pass_route;
}

}  // namespace

bool asking_client::show(std::string_view authorization, std::shared_ptr<const client_list> known)
{
    if (looked_up_in_ == known && shown_ == authorization) return false;
    const std::string* name = known->find(authorization);
    name_ = name ? *name : std::string();
    shown_ = authorization;
    looked_up_in_ = std::move(known);
    return true;
}

bool asking_credential::show(std::string_view shown, const injected_credential* injected, partitions& known)
{
    std::string_view authorization = injected ? std::string_view(injected->authorization) : shown;
    bool has_one = injected || !authorization.empty();
    if (bool(whose_) == has_one && authorization_ == authorization) return false;
    who_ = injected ? injected->who : identity_of(authorization);
    whose_ = has_one ? known.of(who_.scheme, who_.credential, who_.access_key) : nullptr;
    authorization_ = authorization;
    routes_.clear();
    return true;
}

const partition_ptr& asking_credential::whose(const route_settings* kept_by, partitions& known)
{
    if (!kept_by) return whose_;
    partition_ptr& whose = routes_[kept_by];
    if (!whose) whose = known.of(who_.scheme + " " + kept_by->path, who_.credential);
    return whose;
}

void asking_row::find(const routed& to, std::string_view user_agent, const asking_client& client,
                      const asking_credential& credential, request_counts& counts)
{
    std::string_view route = route_word(to), agent = user_agent.substr(0, shown_agent_max);
    if (row_ && route_ == route && named_ == to.tool && user_agent_ == agent) return;
    // A token's name counts before the one in the base URL: else a tool could spend another's share of the day.
    if (!client.name().empty())
        tool_ = client.name();
    else
        tool_ = to.tool.empty() ? unnamed_tool(agent, credential.whose().get()) : std::string(to.tool);
    row_ = &counts.of(route, tool_);
    route_ = route;
    named_ = to.tool;
    user_agent_ = agent;
}

asking_row asking_row::of_invalid(request_counts& counts)
{
    asking_row r;
    r.row_ = &counts.of(invalid_route, "unknown");
    return r;
}

}  // namespace callcache
