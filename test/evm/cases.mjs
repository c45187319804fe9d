/*
 * cases.mjs [COUNT [SEED]]
 *
 * Random cases for the EVM functions, with the answers of ethers and viem, as
 * CSV: kind, up to three inputs, what both libraries agree on.  Where the two
 * differ from each other the case is an error here.  One SEED, one output.
 */
import * as ethers from 'ethers';
import * as viem from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { hashAuthorization } from 'viem/utils';

const count = Number(process.argv[2] ?? 500);
let state = BigInt(process.argv[3] ?? 1) || 1n;

/* SplitMix64, so that a seed gives one sequence on every machine. */
function random64()
{
	state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
	let z = state;
	z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
	z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
	return z ^ (z >> 31n);
}

const below = n => Number(random64() % BigInt(n));
const pick = list => list[below(list.length)];
const chance = percent => below(100) < percent;

function bits(n)
{
	let value = 0n;
	for (let i = 0; i < n; i += 64)
		value = (value << 64n) | random64();
	return value & ((1n << BigInt(n)) - 1n);
}

function bytes(n)
{
	let text = '0x';
	for (let i = 0; i < n; i++)
		text += below(256).toString(16).padStart(2, '0');
	return text;
}

/* Any size up to the limit is as likely as any other; so are the ends. */
function unsigned(most)
{
	if (chance(5))
		return 0n;
	if (chance(5))
		return (1n << BigInt(most)) - 1n;
	return bits(1 + below(most));
}

function signed(most)
{
	if (chance(5))
		return -(1n << BigInt(most - 1));
	const value = unsigned(most - 1);
	return chance(50) ? -value : value;
}

const address = () => ethers.getAddress(bytes(20));
const key = () => '0x' + (1n + bits(255)).toString(16).padStart(64, '0');

function text()
{
	const pieces = ['a', 'Z', ' ', '"', '\\', '\n', 'é', 'ß', '€', '漢', '😀', '\u0001', '\u200b', '0x'];
	let result = '';
	for (let n = below(chance(10) ? 200 : 12); n > 0; n--)
		result += pick(pieces);
	return result;
}

const csv = [];
function emit(kind, inputs, want)
{
	const row = [kind, ...[0, 1, 2].map(i => inputs[i] ?? ''), want];
	csv.push(row.map(field => '"' + String(field).replaceAll('"', '""') + '"').join(','));
}

function agree(what, a, b)
{
	if (a !== b)
		throw new Error(`ethers and viem differ about ${what}: ${a} and ${b}`);
	return a;
}

/* An integer in one of the notations that dalp takes; small ones as JSON numbers too. */
function notation(value)
{
	if (value >= 0n && chance(30))
		return '"0x' + (chance(20) ? '00' : '') + value.toString(16) + '"';
	return chance(50) ? value.toString() : '"' + value + '"';
}

/* ---- ABI ---- */

function elementary()
{
	return pick(['uint', 'int', 'bool', 'address', 'bytesN', 'bytes', 'string'].map(kind =>
		kind === 'uint' || kind === 'int' ? { kind, size: 8 * (1 + below(32)) } :
		kind === 'bytesN' ? { kind, size: 1 + below(32) } : { kind }));
}

function randomType(depth)
{
	const dice = below(10);

	if (depth === 0 || dice < 6)
		return elementary();
	if (dice < 8)
		return { kind: 'array', element: randomType(depth - 1), length: chance(50) ? -1 : 1 + below(3) };
	return { kind: 'tuple', components: randomTypes(depth - 1, 1) };
}

function randomTypes(depth, least)
{
	return Array.from({ length: least + below(4) }, () => randomType(depth));
}

function typeName(type)
{
	switch (type.kind)
	{
		case 'uint': case 'int': return type.kind + type.size;
		case 'bytesN': return 'bytes' + type.size;
		case 'array': return typeName(type.element) + (type.length < 0 ? '[]' : `[${type.length}]`);
		case 'tuple': return '(' + type.components.map(typeName).join(',') + ')';
		default: return type.kind;
	}
}

/* viem takes the types of JSON ABIs. */
function viemType(type)
{
	if (type.kind === 'array')
	{
		const element = viemType(type.element);
		return { ...element, type: element.type + (type.length < 0 ? '[]' : `[${type.length}]`) };
	}
	if (type.kind === 'tuple')
		return { type: 'tuple', components: type.components.map((c, i) => ({ ...viemType(c), name: 'm' + i })) };
	return { type: typeName(type) };
}

/* { value for the libraries, for viem, as JSON in, as JSON out } */
function randomValue(type)
{
	let v;

	switch (type.kind)
	{
		case 'uint': case 'int':
			v = type.kind === 'uint' ? unsigned(type.size) : signed(type.size);
			return { ethers: v, viem: v, input: notation(v), output: `"${v}"` };
		case 'bool':
			v = chance(50);
			return { ethers: v, viem: v, input: `${v}`, output: `${v}` };
		case 'address':
			v = address();
			return { ethers: v, viem: v, input: `"${chance(50) ? v : v.toLowerCase()}"`, output: `"${v}"` };
		case 'bytesN': case 'bytes':
			v = bytes(type.kind === 'bytes' ? below(chance(10) ? 300 : 40) : type.size);
			return { ethers: v, viem: v, input: `"${v}"`, output: `"${v}"` };
		case 'string':
			v = text();
			return { ethers: v, viem: v, input: JSON.stringify(v), output: JSON.stringify(v) };
		default:
		{
			const list = (type.kind === 'tuple' ? type.components :
				Array(type.length < 0 ? below(4) : type.length).fill(type.element)).map(randomValue);
			return {
				ethers: list.map(x => x.ethers),
				viem: type.kind === 'tuple' ? Object.fromEntries(list.map((x, i) => ['m' + i, x.viem])) : list.map(x => x.viem),
				input: '[' + list.map(x => x.input).join(',') + ']',
				output: '[' + list.map(x => x.output).join(',') + ']'
			};
		}
	}
}

function abiCase(i)
{
	const types = randomTypes(3, i % 50 === 0 ? 0 : 1);
	const values = types.map(randomValue);
	const names = types.map(typeName);
	const input = '[' + values.map(v => v.input).join(',') + ']';
	const output = '[' + values.map(v => v.output).join(',') + ']';
	const data = agree('abi', ethers.AbiCoder.defaultAbiCoder().encode(names, values.map(v => v.ethers)),
		viem.encodeAbiParameters(types.map(viemType), values.map(v => v.viem)));

	emit('abi_encode', [names.join(','), input], data);
	emit('abi_decode', [names.join(','), data], output);
	emit('selector', [`f${i}(${names.join(',')})`], ethers.id(`f${i}(${names.join(',')})`).slice(0, 10));
	emit('call', [`function f${i}(${names.map((n, k) => n + ' a' + k).join(', ')})`, input],
		ethers.id(`f${i}(${names.join(',')})`).slice(0, 10) + data.slice(2));
}

function eventCase(i)
{
	const types = randomTypes(2, 0);
	let indexedLeft = 3;
	const parameters = types.map((type, k) => {
		const indexed = indexedLeft > 0 && chance(40);
		indexedLeft -= indexed ? 1 : 0;
		return { type, indexed, name: 'p' + k, value: randomValue(type) };
	});
	const fragment = `event E${i}(` + parameters.map(p => typeName(p.type) + (p.indexed ? ' indexed ' : ' ') + p.name).join(', ') + ')';
	const hashed = type => ['bytes', 'string', 'array', 'tuple'].includes(type.kind);
	const iface = new ethers.Interface([fragment]);
	const coder = ethers.AbiCoder.defaultAbiCoder();
	const topics = [iface.getEvent('E' + i).topicHash];
	const want = parameters.map(p => {
		if (!p.indexed)
			return `"${p.name}":${p.value.output}`;
		/* What is hashed doesn't matter to decoding: any 32 bytes come back. */
		topics.push(hashed(p.type) ? bytes(32) : coder.encode([typeName(p.type)], [p.value.ethers]));
		return `"${p.name}":${hashed(p.type) ? `"${topics.at(-1)}"` : p.value.output}`;
	});
	const plain = parameters.filter(p => !p.indexed);
	const data = coder.encode(plain.map(p => typeName(p.type)), plain.map(p => p.value.ethers));

	emit('event', [fragment, '{' + topics.map(t => '"\\\\x' + t.slice(2) + '"').join(',') + '}', data], '{' + want.join(',') + '}');
}

/* ---- transactions ---- */

async function transactionCase(i)
{
	const type = [0, 0, 1, 2, 3, 4][i % 6];
	const privateKey = key();
	const account = privateKeyToAccount(privateKey);
	const legacyWithout = type === 0 && chance(30);
	const chainId = chance(70) ? 1n + bits(53) : 1n + bits(53) * 4n;
	const to = type < 3 && chance(15) ? null : address();
	const tx = { type, nonce: chance(90) ? below(1000000) : Number.MAX_SAFE_INTEGER, gasLimit: unsigned(64), value: unsigned(256), to, data: bytes(below(chance(10) ? 500 : 80)) };
	const members = { type, nonce: BigInt(tx.nonce), value: tx.value, gas: tx.gasLimit };
	const accessList = [];

	if (!legacyWithout)
		members.chainId = tx.chainId = chainId;
	if (type <= 1)
		members.gasPrice = tx.gasPrice = unsigned(256);
	else
	{
		/* viem wants the tip below the cap, and the cap below 2^256. */
		members.maxFeePerGas = tx.maxFeePerGas = unsigned(256);
		members.maxPriorityFeePerGas = tx.maxPriorityFeePerGas = tx.maxFeePerGas >> BigInt(below(256));
	}
	if (type !== 0)
	{
		for (let n = below(3); n > 0; n--)
			accessList.push({ address: address(), storageKeys: Array.from({ length: below(3) }, () => bytes(32)) });
		tx.accessList = accessList;
	}
	let json = Object.entries(members).map(([name, value]) => `"${name}":${typeof value === 'bigint' ? notation(value) : value}`);
	json.push(`"input":"${tx.data}"`, `"to":${to === null ? 'null' : `"${to}"`}`);
	if (type !== 0)
		json.push(`"accessList":${JSON.stringify(accessList)}`);
	const blobs = { blobVersionedHashes: [], maxFeePerBlobGas: 0n };
	if (type === 3)
	{
		for (let n = 1 + below(6); n > 0; n--)
			blobs.blobVersionedHashes.push('0x01' + bytes(31).slice(2));
		blobs.maxFeePerBlobGas = unsigned(256);
		Object.assign(tx, blobs);
		json.push(`"blobVersionedHashes":${JSON.stringify(blobs.blobVersionedHashes)}`, `"maxFeePerBlobGas":${notation(blobs.maxFeePerBlobGas)}`);
	}
	let viemList;
	if (type === 4)
	{
		const authorizations = [];
		for (let n = 1 + below(2); n > 0; n--)
		{
			const one = { chainId: below(1000), address: address(), nonce: below(1000) };
			const wallet = new ethers.Wallet(key());
			const signature = ethers.Signature.from(wallet.signingKey.sign(ethers.hashAuthorization(one)));
			emit('authorization', [JSON.stringify(one)], agree('authorization', ethers.hashAuthorization(one),
				hashAuthorization({ chainId: one.chainId, address: one.address, nonce: one.nonce })));
			authorizations.push({ ...one, signature });
		}
		tx.authorizationList = authorizations;
		viemList = authorizations.map(a => ({ chainId: a.chainId, address: a.address, nonce: a.nonce, r: a.signature.r, s: a.signature.s, yParity: a.signature.yParity }));
		json.push(`"authorizationList":${JSON.stringify(viemList)}`);
	}
	const unsignedTx = ethers.Transaction.from(tx);
	const wallet = new ethers.Wallet(privateKey);
	const signature = wallet.signingKey.sign(unsignedTx.unsignedHash);
	const signedTx = unsignedTx.clone();
	signedTx.signature = signature;
	const raw = signedTx.serialized;

	/* viem's chain ids are numbers: only those that a number holds can be compared. */
	if (chainId <= BigInt(Number.MAX_SAFE_INTEGER))
	{
		const other = {
			type: ['legacy', 'eip2930', 'eip1559', 'eip4844', 'eip7702'][type], nonce: tx.nonce, gas: tx.gasLimit,
			value: tx.value, to: to ?? undefined, data: tx.data
		};
		if (!legacyWithout)
			other.chainId = Number(chainId);
		if (type <= 1)
			other.gasPrice = tx.gasPrice;
		else
		{
			other.maxFeePerGas = tx.maxFeePerGas;
			other.maxPriorityFeePerGas = tx.maxPriorityFeePerGas;
		}
		if (type !== 0)
			other.accessList = accessList;
		if (type === 3)
			Object.assign(other, blobs);
		if (type === 4)
			other.authorizationList = viemList;
		agree('transaction', raw, await account.signTransaction(other));
	}
	json = '{' + json.join(',') + '}';
	emit('transaction_unsigned', [json], unsignedTx.unsignedSerialized);
	emit('transaction_sign', [json, privateKey], raw);
	emit('transaction_hash', [raw], signedTx.hash);
	emit(type === 3 ? 'blob_decode' : 'transaction_decode', [raw, signedTx.hash, account.address], json);
	/* With sidecars it has the same hash. */
	if (type === 3)
		emit('transaction_hash', ['0x03' + ethers.encodeRlp([ethers.decodeRlp('0x' + raw.slice(4)), [bytes(100)], [bytes(48)], [bytes(48)]]).slice(2)], signedTx.hash);
}

/* ---- messages ---- */

async function messageCase()
{
	const privateKey = key();
	const account = privateKeyToAccount(privateKey);
	const message = bytes(below(chance(10) ? 400 : 100));
	const signature = agree('message', new ethers.Wallet(privateKey).signMessageSync(ethers.getBytes(message)),
		await account.signMessage({ message: { raw: message } }));

	emit('message_hash', [message], ethers.hashMessage(ethers.getBytes(message)));
	emit('message_verify', [account.address, message, signature], 'true');
	emit('ecrecover', [ethers.hashMessage(ethers.getBytes(message)), signature], account.address);
	emit('compact', [signature], ethers.Signature.from(signature).compactSerialized);
}

function typedDataCase(i)
{
	/* Structs only refer to later ones: ethers refuses cycles. */
	const structCount = 1 + below(4);
	const names = Array.from({ length: structCount }, (_, k) => pick(['Mail', 'Order', 'Zed', 'a', 'Person']) + k);
	const types = {};
	const fieldsOf = k => Array.from({ length: 1 + below(4) }, (_, f) => {
		const struct = k + 1 < structCount && chance(40);
		const base = struct ? { kind: 'struct', index: k + 1 + below(structCount - k - 1) } : elementary();
		const suffixes = Array.from({ length: chance(30) ? 1 + below(2) : 0 }, () => (chance(50) ? -1 : 1 + below(2)));
		return { name: pick(['to', 'from', 'x', 'amount']) + f, base, suffixes };
	});
	const structs = names.map((_, k) => fieldsOf(k));
	const fieldType = field => (field.base.kind === 'struct' ? names[field.base.index] : typeName(field.base)) +
		field.suffixes.map(n => (n < 0 ? '[]' : `[${n}]`)).join('');

	function value(field, depth)
	{
		if (depth > 0)
		{
			const length = field.suffixes[depth - 1];
			const list = Array.from({ length: length < 0 ? below(3) : length }, () => value(field, depth - 1));
			return { native: list.map(x => x.native), input: '[' + list.map(x => x.input).join(',') + ']' };
		}
		if (field.base.kind === 'struct')
			return structValue(field.base.index);
		const v = randomValue(field.base);
		return { native: v.ethers, input: v.input };
	}
	function structValue(k)
	{
		const list = structs[k].map(field => [field.name, value(field, field.suffixes.length)]);
		return {
			native: Object.fromEntries(list.map(([name, v]) => [name, v.native])),
			input: '{' + list.map(([name, v]) => `"${name}":${v.input}`).join(',') + '}'
		};
	}
	/* Only what the primary type needs: ethers finds the primary type by that. */
	const needed = new Set();
	(function need(k)
	{
		needed.add(k);
		structs[k].forEach(field => field.base.kind === 'struct' && need(field.base.index));
	})(0);
	needed.forEach(k => { types[names[k]] = structs[k].map(field => ({ name: field.name, type: fieldType(field) })); });
	const domain = {};
	if (chance(70)) domain.name = text();
	/* viem leaves an empty version out of the domain. */
	if (chance(50)) domain.version = text() || '1';
	if (chance(70)) domain.chainId = bits(53);
	if (chance(50)) domain.verifyingContract = address();
	if (chance(20)) domain.salt = bytes(32);
	const message = structValue(0);
	const domainJson = '{' + Object.entries(domain).map(([n, v]) => `"${n}":${typeof v === 'bigint' ? notation(v) : JSON.stringify(v)}`).join(',') + '}';
	const json = `{"types":${JSON.stringify(types)},"primaryType":"${names[0]}","domain":${domainJson},"message":${message.input}}`;

	emit('typed_data', [json], agree('typed data', ethers.TypedDataEncoder.hash(domain, types, message.native),
		viem.hashTypedData({ domain, types, primaryType: names[0], message: message.native })));
}

/* ---- the rest ---- */

function rlpValue(depth)
{
	if (depth === 0 || chance(60))
		return bytes(below(chance(10) ? 300 : 60));
	return Array.from({ length: below(5) }, () => rlpValue(depth - 1));
}

function smallCases()
{
	const data = bytes(below(chance(10) ? 1000 : 300));
	emit('keccak256', [data], agree('keccak', ethers.keccak256(data), viem.keccak256(data)));
	const who = bytes(20);
	emit('checksum', [who], agree('checksum', ethers.getAddress(who), viem.getAddress(who)));
	const nonce = bits(1 + below(53));
	emit('create', [who, nonce], agree('create', ethers.getCreateAddress({ from: who, nonce }), viem.getContractAddress({ from: who, nonce })));
	const salt = bytes(32);
	emit('create2', [who, salt, ethers.keccak256(data)], ethers.getCreate2Address(who, salt, ethers.keccak256(data)));
	const value = rlpValue(4);
	emit('rlp_encode', [JSON.stringify(value)], agree('rlp', ethers.encodeRlp(value), viem.toRlp(value)));
	emit('rlp_decode', [ethers.encodeRlp(value)], JSON.stringify(value));
}

for (let i = 0; i < count; i++)
{
	abiCase(i);
	eventCase(i);
	await transactionCase(i);
	await messageCase();
	typedDataCase(i);
	smallCases();
}
process.stdout.write(csv.join('\n') + '\n');
