#include "server/upstream/tunnel.hpp"

#include "server/http/head_reader.hpp"
#include "server/secrets/credential.hpp"
#include "server/version.hpp"

#include <boost/asio/write.hpp>

#include <array>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;

constexpr std::size_t head_bytes_max = 16 << 10;
constexpr int interim_answers_max = 8;  // 1xx before the final answer

std::string connect_request(const host_port& vendor, const proxy_address& proxy)
{
    std::string to = vendor.text();
    std::string text =
        "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\nUser-Agent: callcache/" + std::string(version) + "\r\n";
    if (!proxy.login.empty()) text += "Proxy-Authorization: Basic " + base64(proxy.login) + "\r\n";
    return text + "\r\n";
}

std::string refusal(unsigned status, const std::string& to, bool with_login)
{
    std::string with_status = " (" + std::to_string(status) + ")";
    if (status == 407 && with_login)
        return "refuses the user and password that upstream.proxy (or HTTPS_PROXY) gives" + with_status;
    if (status == 407)
        return "wants a user and a password" + with_status + "; set upstream.proxy to http://user:password@host:port";
    if (status == 401 || status == 403 || status == 405)
        return "does not allow a way to " + to + with_status + "; whoever runs the proxy can allow CONNECT to it";
    if (status == 502 || status == 503 || status == 504) return "does not get through to " + to + with_status;
    return "answered CONNECT to " + to + " with status " + std::to_string(status) + "; is it a proxy?";
}

// The head of an answer, a 2xx without its framing fields: to CONNECT they say nothing, and are to be ignored (RFC
// 9110, section 9.3.6).
std::string without_framing(std::string_view head)
{
    constexpr std::size_t status_at = std::string_view("HTTP/1.1 ").size();
    if (head[status_at] != '2') return std::string(head);
    std::string kept;
    while (!head.empty())
    {
        const std::string_view line = head.substr(0, head.find("\r\n") + 2), name = line.substr(0, line.find(':'));
        if (!equals_lower(name, "content-length") && !equals_lower(name, "transfer-encoding")) kept += line;
        head.remove_prefix(line.size());
    }
    return kept;
}

}  // namespace

task<std::optional<upstream_failure>> open_tunnel(tcp_socket& socket, const host_port& vendor,
                                                  const proxy_address& proxy)
{
    const std::string who = "the proxy " + proxy.at.text() + " ";
    auto nonsense = [&](const std::string& why) {
        return upstream_failure{failure_kind::nonsense, who + "answered CONNECT with nonsense: " + why};
    };
    std::string request = connect_request(vendor, proxy);
    auto [write_error, written] = co_await asio::async_write(socket, asio::buffer(request), as_result);
    // It may have refused and closed before it read everything: its answer counts.
    std::string buffer;
    for (int interim = 0; interim <= interim_answers_max; ++interim)
    {
        head_scanner scanner(head_kind::response, head_bytes_max);
        auto progress = head_scanner::progress::incomplete;
        if (!buffer.empty()) progress = scanner.scan(buffer);
        while (progress == head_scanner::progress::incomplete)
        {
            std::array<char, 4096> room;
            auto [error, bytes] = co_await socket.async_read_some(asio::buffer(room), as_result);
            if (error)
                co_return upstream_failure{failure_kind::unreachable,
                                           who + "hung up and did not answer CONNECT (" +
                                               (write_error ? write_error : error).message() + ")"};
            buffer.append(room.data(), bytes);
            progress = scanner.scan(buffer);
        }
        if (progress == head_scanner::progress::refused)
            co_return nonsense(scanner.refused().status == 431
                                   ? "its head has no end within " + std::to_string(head_bytes_max) + " bytes"
                                   : scanner.refused().text);
        auto [head, persistent, refused] =
            read_answer_head(without_framing(std::string_view(buffer).substr(0, scanner.size())));
        buffer.erase(0, scanner.size());
        if (refused) co_return nonsense(refused->text);
        if (head.is_interim()) continue;
        if (!head.is_final()) co_return nonsense("status " + std::to_string(head.status));
        if (head.status >= 300)
            co_return upstream_failure{failure_kind::unreachable,
                                       who + refusal(head.status, vendor.text(), !proxy.login.empty())};
        // A 2xx has no body, whatever its fields say; and the vendor waits for the first word to be ours.
        if (!buffer.empty()) co_return nonsense("more came than the head of its answer");
        co_return std::nullopt;
    }
    co_return nonsense("many interim answers, and none that is final");
}

}  // namespace callcache
