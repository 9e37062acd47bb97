// Secrets that a test can recognise wherever they turn up.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace callcache::test
{

class secrets
{
public:
    // A new one: of characters that no other text of the test holds, and long enough to be any kind of secret.
    std::string make();

    // A text that must not turn up either, such as a whole credential.
    void add(std::string text) { all_.push_back(std::move(text)); }

    // What of them `text` holds, as it is, in hexadecimal, or within base64 of something longer. Empty: nothing.
    std::string found_in(const std::string& text) const;

    // The same, of all files below a folder, each with its name.
    std::string found_below(const std::filesystem::path& folder) const;

private:
    std::vector<std::string> all_;
};

}  // namespace callcache::test
