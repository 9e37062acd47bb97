// A folder whose place the system can say nothing about: a link that leads to itself (ELOOP, which is not "not there").
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include <fcntl.h>
#include <stdio.h>

namespace callcache::test
{

// While it lives, `folder` is such a link. The two change places at once: no thread ever sees that nothing is there.
class hidden_folder
{
public:
    explicit hidden_folder(std::string folder) : folder_(std::move(folder)), beside_(folder_ + "-hidden")
    {
        std::filesystem::create_directory_symlink(std::filesystem::path(folder_).filename(), beside_);
        exchange();
    }
    ~hidden_folder()
    {
        exchange();
        std::filesystem::remove(beside_);
    }
    hidden_folder(const hidden_folder&) = delete;
    hidden_folder& operator=(const hidden_folder&) = delete;

private:
    void exchange() const
    {
        CHECK(renameat2(AT_FDCWD, folder_.c_str(), AT_FDCWD, beside_.c_str(), RENAME_EXCHANGE) == 0);
    }

    const std::string folder_, beside_;
};

}  // namespace callcache::test
