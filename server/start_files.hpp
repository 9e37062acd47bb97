// What a start reads of the files that the configuration names, and whether it would be refused for one of them: the
// same for `serve`, `check` and a reload.
#pragma once

#include "cache/data_files.hpp"
#include "config/load.hpp"
#include "server/admin/admin_token.hpp"
#include "server/alerts/webhook_url.hpp"
#include "server/secrets/clients.hpp"
#include "server/upstream/transport.hpp"

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace callcache
{

// Each gives what was read or found, or the operator's line that says why it is of no use.
std::variant<data_files, std::string> find_files(const settings&);
std::variant<client_list, std::string> read_clients(const std::string& clients_file);
std::variant<admin_token, std::string> read_admin_token(const std::string& admin_token_file);

// The address that alerts are sent to (alerts.webhook_file).
std::variant<webhook_url, std::string> read_webhook(const settings&);

// Those that the receiver of alerts is verified with: the system's, and upstream.ca_file's, as a company's proxy may
// look into both ways.
std::variant<std::shared_ptr<asio::ssl::context>, std::string> read_webhook_authorities(const settings&);

// Null where nothing goes upstream by TLS.
std::variant<std::shared_ptr<asio::ssl::context>, std::string> read_authorities(const settings&);

// Why `serve` would refuse to start, as far as that can be told without opening the database and the addresses; one
// line each. `config` holds no contradictions. What rests on a file of which `is_out_of_reach` is true is not looked
// at.
std::vector<config_problem> start_problems(const settings& config,
                                           const std::function<bool(const std::string&)>& is_out_of_reach = nullptr);

}  // namespace callcache
