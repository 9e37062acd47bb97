// Who asks on a connection. Computed again only when a request shows another credential, token, route or User-Agent.
// Front loop only.
#pragma once

#include "cache/partition.hpp"
#include "server/front/route.hpp"
#include "server/http/request.hpp"
#include "server/secrets/clients.hpp"
#include "server/secrets/credential.hpp"
#include "server/telemetry/request_counts.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace callcache
{

// With named tools (`credentials.clients_file`): the token that was shown, and whose it is.
class asking_client
{
public:
    // True if another token is shown, or the list was read again.
    bool show(std::string_view authorization, std::shared_ptr<const client_list> known);

    const std::string& name() const { return name_; }  // empty: nobody's

private:
    std::string shown_, name_;
    std::shared_ptr<const client_list> looked_up_in_;
};

// The credential that goes upstream, and the partitions that it reads.
class asking_credential
{
public:
    // True if it is another one. `injected` goes upstream in place of what the tool shows; null: none does. It has a
    // partition also when it cannot be read (offline).
    bool show(std::string_view authorization, const injected_credential* injected, partitions& known);

    const std::string& authorization() const { return authorization_; }

    // Where its calls are kept; null if the tool has shown none.
    const partition_ptr& whose() const { return whose_; }

    // Where its answers of a kept route are kept; null: its calls. Each route has a partition of its own, as a
    // credential that is accepted on one may be refused on another.
    const partition_ptr& whose(const route_settings* kept_by, partitions& known);

    // Where its view of calls is kept; likewise, as each operation has a scope of its own.
    const partition_ptr& whose(call_view, partitions& known);

private:
    const partition_ptr& make(partition_ptr&, std::string_view of, partitions& known) const;

    std::string authorization_;
    identity who_;
    partition_ptr whose_;
    std::map<const route_settings*, partition_ptr> routes_;  // that were asked for
    std::map<call_view, partition_ptr> views_;               // likewise
};

// Where a request is counted, and as which tool's.
class asking_row
{
public:
    struct tables
    {
        request_counts& counts;
        tool_names& names;
    };

    // Finds the row, unless the request is on the same route and of the same tool as the last one.
    void find(const routed&, std::string_view user_agent, const asking_client&, const asking_credential&, tables);
    void forget() { row_ = nullptr; }

    // A request that was refused before it was understood.
    static asking_row of_invalid(tables);

    request_counts::row& row() const { return *row_; }
    const std::string& tool() const { return tool_; }
    const std::string& name() const { return name_; }  // as it is counted, and called in the log

private:
    std::shared_ptr<request_counts::row> row_;
    std::uint64_t found_at_ = 0;  // the number of changes of tool_names
    std::string route_, named_, user_agent_, tool_, name_;
};

struct asker
{
    asking_client client;
    asking_credential credential;
    asking_row counted;
};

}  // namespace callcache
