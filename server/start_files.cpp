#include "server/start_files.hpp"

#include "cache/file_system.hpp"
#include "config/address.hpp"
#include "server/budget/zone.hpp"
#include "server/front/tls_identity.hpp"
#include "server/secrets/credential.hpp"
#include "server/secrets/secret_file.hpp"
#include "server/secrets/whole_file.hpp"

#include <boost/asio/ssl/context.hpp>

#include <algorithm>
#include <filesystem>

namespace callcache
{

std::variant<client_list, std::string> read_clients(const std::string& clients_file)
{
    auto text = read_whole_file(clients_file);
    if (!text) return cannot_read("credentials.clients_file", clients_file);
    auto read = client_list::read(*text);
    if (auto* trouble = std::get_if<std::string>(&read))
        return "credentials.clients_file: " + clients_file + ": " + *trouble;
    return read;
}

std::variant<admin_token, std::string> read_admin_token(const std::string& admin_token_file)
{
    auto text = read_secret("server.admin_token_file", admin_token_file);
    if (auto* unreadable = std::get_if<secret_unreadable>(&text)) return unreadable->text;
    auto read = admin_token::of(std::get<std::string>(text));
    if (auto* trouble = std::get_if<std::string>(&read)) return "server.admin_token_file: " + *trouble;
    return read;
}

std::variant<webhook_url, std::string> read_webhook(const settings& config)
{
    const std::string& file = config.alerts.webhook_file;
    auto text = read_secret("alerts.webhook_file", file);
    if (auto* unreadable = std::get_if<secret_unreadable>(&text)) return unreadable->text;
    auto read = parse_webhook(std::get<std::string>(text), config.upstream);
    if (auto* trouble = std::get_if<std::string>(&read)) return "alerts.webhook_file: \"" + file + "\" " + *trouble;
    return read;
}

std::variant<std::shared_ptr<asio::ssl::context>, std::string> read_webhook_authorities(const settings& config)
{
    auto authorities = make_tls_context("");
    const std::string& file = config.upstream.ca_file;
    error_code error;
    if (!file.empty()) authorities->load_verify_file(file, error);
    if (error) return "upstream.ca_file: cannot read certificates from \"" + file + "\": " + error.message();
    return authorities;
}

std::variant<std::shared_ptr<asio::ssl::context>, std::string> read_authorities(const settings& config)
{
    if (config.mode == run_mode::offline || !parse_origin(config.upstream.url)->tls)
        return std::shared_ptr<asio::ssl::context>();
    try
    {
        return make_tls_context(config.upstream.ca_file);
    }
    catch (const std::runtime_error& e)
    {
        return e.what();
    }
}

// A database to be read alone is there: one that is begun anew would hold nothing, and hide that its name is mistyped.
std::variant<data_files, std::string> find_files(const settings& config)
{
    auto found = find_data_files(config);
    auto* files = std::get_if<data_files>(&found);
    for (const auto& [key, path] :
         {std::pair{"cache.path", files ? files->cache : ""}, {"budget.path", files ? files->ledger : ""}})
        if (std::error_code none; std::filesystem::is_directory(path, none))
            return std::string(key) + ": " + path + " is a folder; name a file in it, such as " + path +
                   "/callcache.db";
    if (!files || config.mode != run_mode::offline || files->cache == in_memory || file_at(files->cache)) return found;
    return "cache.path: there is no database at " + files->cache +
           ", and offline (mode) only what is kept can be served. Give the path of one, such as `callcache snapshot` "
           "makes, with --db FILE";
}

std::vector<config_problem> start_problems(const settings& config,
                                           const std::function<bool(const std::string&)>& is_out_of_reach)
{
    std::vector<config_problem> found;
    auto look = [&](bool is_used, std::initializer_list<std::string> files, auto read) {
        auto is_hidden = [&](const std::string& f) { return is_out_of_reach && !f.empty() && is_out_of_reach(f); };
        if (!is_used || std::any_of(files.begin(), files.end(), is_hidden)) return;
        auto result = read();
        if (auto* why = std::get_if<std::string>(&result)) found.push_back(*why);
    };
    const credentials_settings& c = config.credentials;
    const server_settings& s = config.server;
    const bool injects = c.mode == credentials_mode::inject;
    look(true, {}, [&] { return find_files(config); });
    look(true, {}, [&] { return calendar_of(config.budget.day); });
    // Offline the credential only says whose what is kept is.
    look(injects && config.mode != run_mode::offline,
         {c.access_key_file, c.access_key_secret_file, c.bearer_token_file}, [&] { return read_injected(c); });
    look(injects && !c.clients_file.empty(), {c.clients_file}, [&] { return read_clients(c.clients_file); });
    look(true, {config.upstream.ca_file}, [&] { return read_authorities(config); });
    look(!s.tls_certificate_file.empty(), {s.tls_certificate_file, s.tls_key_file},
         [&] { return read_tls_identity(s); });
    look(!s.admin_token_file.empty(), {s.admin_token_file}, [&] { return read_admin_token(s.admin_token_file); });
    look(!config.alerts.webhook_file.empty() && config.mode != run_mode::offline, {config.alerts.webhook_file},
         [&] { return read_webhook(config); });
    return found;
}

}  // namespace callcache
