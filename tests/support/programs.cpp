#include "tests/support/programs.hpp"

#include "server/system_clock.hpp"

#include <future>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace callcache::test
{
namespace
{

std::uint16_t port_after(const std::string& text, const std::string& key)
{
    std::size_t at = text.find("\"" + key + "\":\"127.0.0.1:");
    return at == std::string::npos ? 0 : std::uint16_t(std::stoul(text.substr(at + key.size() + 14)));
}

} // namespace

vendor_thread::vendor_thread(sim::vendor_options o) : clock_(std::make_unique<system_clock>())
{
    vendor_ = std::make_unique<sim::vendor>(loop_.get_executor(), std::move(o), *clock_);
    port_ = vendor_->port();
    thread_ = std::thread([this] { loop_.run(); });
}

vendor_thread::~vendor_thread()
{
    loop_.stop();
    thread_.join();
    vendor_.reset();
}

std::size_t vendor_thread::requests()
{
    std::promise<std::size_t> promise;
    asio::post(loop_, [&] { promise.set_value(vendor_->requests()); });
    return promise.get_future().get();
}

serving::serving(const std::string& url, const std::string& database, const std::vector<std::string>& further,
                 const child::wishes& w)
    : process(
          callcache_program,
          [&]
          {
              std::vector<std::string> a{"serve",      "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                                         "--upstream", url,        "--db",        database};
              a.insert(a.end(), further.begin(), further.end());
              return a;
          }(),
          w)
{
    if (!process.says("\"known_credentials\"")) return;
    port = port_after(process.output(), "tools");
    admin_port = port_after(process.output(), "admin");
}

plain_client::plain_client(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
    {
        close(socket_);
        socket_ = -1;
    }
}

plain_client::~plain_client()
{
    if (socket_ >= 0) close(socket_);
}

plain_client::answer plain_client::get(const std::string& target, const std::string& authorization,
                                       const std::string& further)
{
    std::string text =
        "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization + "\r\n" + further + "\r\n";
    if (socket_ < 0 || send(socket_, text.data(), text.size(), MSG_NOSIGNAL) != ssize_t(text.size())) return {};
    answer a;
    std::size_t length = std::string::npos;
    for (;;)
    {
        std::size_t end = in_.find("\r\n\r\n");
        if (end != std::string::npos && length == std::string::npos)
        {
            std::size_t at = in_.find("\r\nContent-Length: ");
            if (at == std::string::npos) return {};
            length = std::stoul(in_.substr(at + 18));
        }
        if (end != std::string::npos && in_.size() >= end + 4 + length)
        {
            a.status = unsigned(std::stoul(in_.substr(9, 3)));
            a.head = in_.substr(0, end + 2);
            a.body = in_.substr(end + 4, length);
            in_.erase(0, end + 4 + length);
            return a;
        }
        char room[16384];
        ssize_t n = recv(socket_, room, sizeof room, 0);
        if (n <= 0) return {};
        in_.append(room, std::size_t(n));
    }
}

} // namespace callcache::test
