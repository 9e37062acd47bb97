#include "server/front/asker.hpp"

#include "cache/digest.hpp"
#include "config/ascii.hpp"
#include "server/text/escape.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

constexpr std::size_t read_agent_max = 256, shown_agent_max = 40;

// "1.2.3", "v2"
bool is_version(std::string_view word)
{
    if (word.starts_with('v')) word.remove_prefix(1);
    return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c == '.' || is_digit(c); });
}

// The products of a User-Agent, without their versions and comments (RFC 9110, section 10.1.5).
std::string products_of(std::string_view user_agent)
{
    std::string products;
    for (std::size_t depth = 0; !user_agent.empty();)
    {
        if (user_agent.front() == '(') ++depth;
        std::size_t end = std::max<std::size_t>(1, std::min(user_agent.find_first_of(" \t()"), user_agent.size()));
        std::string_view word = user_agent.substr(0, end);
        if (word == ")" && depth > 0) --depth;
        user_agent.remove_prefix(end);
        word = word.substr(0, word.find('/'));
        bool is_product = depth == 0 && word.find_first_of(" \t()") == word.npos && !word.empty() && !is_version(word);
        if (is_product) products += (products.empty() ? "" : " ") + std::string(word);
    }
    return products;
}

// A tool that does not say its name is its credential and its User-Agent: "python-requests #5f0c".
std::string unnamed_tool(std::string_view user_agent, const partition* whose)
{
    std::string name = harmless(products_of(user_agent).substr(0, shown_agent_max));
    if (name.empty()) name = "unnamed";
    return whose ? name + " #" + hex(whose->name(), 2) : name;
}

std::string_view route_word(const routed& to)
{
    if (to.what == route::lookup || to.what == route::bad_id) return calls_route;
    if (to.what == route::read) return to.view == call_view::transcript ? transcripts_route : details_route;
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
    views_.clear();
    return true;
}

const partition_ptr& asking_credential::whose(const route_settings* kept_by, partitions& known)
{
    if (!kept_by) return whose_;
    return make(routes_[kept_by], kept_by->path, known);
}

const partition_ptr& asking_credential::whose(call_view v, partitions& known)
{
    return v == call_view::call ? whose_ : make(views_[v], "POST " + std::string(path_of_reads(v)), known);
}

const partition_ptr& asking_credential::make(partition_ptr& whose, std::string_view of, partitions& known) const
{
    if (!whose) whose = known.further(of, who_.scheme, who_.credential);
    return whose;
}

void asking_row::find(const routed& to, std::string_view user_agent, const asking_client& client,
                      const asking_credential& credential, tables in)
{
    std::string_view route = route_word(to), agent = user_agent.substr(0, read_agent_max);
    bool is_current = row_ && found_at_ == in.names.changes();
    if (is_current && route_ == route && named_ == to.tool && user_agent_ == agent) return;
    // A token's name counts before the one in the base URL: else a tool could spend another's share of the day.
    if (!client.name().empty())
        tool_ = client.name();
    else
        tool_ = to.tool.empty() ? unnamed_tool(agent, credential.whose().get()) : std::string(to.tool);
    found_at_ = in.names.changes();
    name_ = in.names.enter(tool_);
    row_ = in.counts.of(route, name_, in.names);
    route_ = route;
    named_ = to.tool;
    user_agent_ = agent;
}

asking_row asking_row::of_invalid(tables in)
{
    asking_row r;
    r.row_ = in.counts.of(invalid_route, "unknown", in.names);
    return r;
}

}  // namespace callcache
