/*
 * build.js [--check]
 *
 * Compiles BondToken.sol with the solc and OpenZeppelin contracts that
 * package-lock.json pins, into BondToken.json: compiler, settings, ABI,
 * bytecode.  The same input gives the same bytes.  With --check nothing is
 * written: the committed artifact is compared with its source, in the Test
 * Anything Protocol.
 */
'use strict';

const fs = require('fs');
const path = require('path');

const NAME = 'BondToken';
const source = path.join(__dirname, `${NAME}.sol`);
const artifact = path.join(__dirname, `${NAME}.json`);
const packages = path.join(__dirname, '..', 'node_modules');

let solc;
try {
	solc = require(path.join(packages, 'solc'));
} catch (error) {
	console.error(`cannot load solc from test/node_modules (${error.code || error.message}): run make deps`);
	process.exit(1);
}

function readImport(name) {
	try {
		return { contents: fs.readFileSync(path.join(packages, name), 'utf8') };
	} catch (error) {
		return { error: `${name} is not in test/node_modules: run make deps` };
	}
}

function build() {
	// Paris has no PUSH0, which private chains of an older setup would refuse;
	// without the metadata's hash the bytecode depends on nothing but the code.
	const settings = {
		evmVersion: 'paris',
		optimizer: { enabled: true, runs: 200 },
		metadata: { bytecodeHash: 'none' },
		outputSelection: { '*': { [NAME]: ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
	};
	const input = {
		language: 'Solidity',
		sources: { [`${NAME}.sol`]: { content: fs.readFileSync(source, 'utf8') } },
		settings,
	};
	const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport }));
	const problems = output.errors || [];
	if (problems.length > 0) {
		console.error(problems.map((problem) => problem.formattedMessage).join('\n'));
		process.exit(1);
	}
	const contract = output.contracts[`${NAME}.sol`][NAME];
	const { outputSelection, ...kept } = settings;
	const library = JSON.parse(fs.readFileSync(path.join(packages, '@openzeppelin', 'contracts', 'package.json'), 'utf8'));
	return `${JSON.stringify({
		contractName: NAME,
		source: `${NAME}.sol`,
		command: 'make contracts',
		compiler: `solc ${solc.version()}`,
		library: `${library.name} ${library.version}`,
		settings: kept,
		abi: contract.abi,
		bytecode: `0x${contract.evm.bytecode.object}`,
		deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
	}, null, 2)}\n`;
}

const built = build();
if (process.argv[2] === '--check') {
	const committed = fs.existsSync(artifact) ? fs.readFileSync(artifact, 'utf8') : '';
	const same = committed === built;
	console.log(`${same ? 'ok' : 'not ok'} 1 - ${NAME}.json is what ${NAME}.sol compiles to`);
	if (!same) {
		console.log('# run make contracts, and commit the artifact with its source');
	}
	console.log('1..1');
	process.exit(same ? 0 : 1);
}
fs.writeFileSync(artifact, built);
console.log(`wrote test/contracts/${NAME}.json (${(built.match(/"bytecode": "0x([0-9a-f]*)"/)[1].length) / 2} bytes of bytecode)`);
