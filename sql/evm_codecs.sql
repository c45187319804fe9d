-- Guards: hashes, RLP and ABI are exact, and whatever is wrong with an input
-- is DL006 with the place, never an internal error.
SET search_path TO dalp, public;

SELECT keccak256(''), keccak256('abc'::bytea);
SELECT keccak256(decode(repeat('61', 1000000), 'hex'));
SELECT keccak256(NULL) IS NULL, abi_decode(NULL, '\x') IS NULL, rlp_encode(NULL) IS NULL;

-- RLP
SELECT rlp_encode('["0x636174", ["0x", 0, 1024, []]]');
SELECT rlp_decode('\xc883636174c38080c0');
SELECT rlp_encode('115792089237316195423570985008687907853269984665640564039457584007913129639935');
SELECT rlp_encode('115792089237316195423570985008687907853269984665640564039457584007913129639936');
SELECT rlp_encode('["0x00", ["cat"]]');
SELECT rlp_encode('["0x00", {"a": 1}]');
SELECT rlp_encode('null');
SELECT rlp_encode('1.5');
SELECT rlp_encode('-1');
SELECT rlp_decode('');
SELECT rlp_decode('\x8100');
SELECT rlp_decode('\xb800');
SELECT rlp_decode('\xb90000');
SELECT rlp_decode('\xc0c0');
SELECT rlp_decode('\xbfffffffffffffffff');
SELECT rlp_decode(decode(repeat('c1', 5) || 'c0', 'hex'));
-- 32 levels are read and written, thousands are refused
SELECT rlp_decode(rlp_encode((repeat('[', 32) || repeat(']', 32))::jsonb)) = (repeat('[', 32) || repeat(']', 32))::jsonb;
SELECT rlp_encode((repeat('[', 500) || repeat(']', 500))::jsonb);
SELECT rlp_decode(decode(repeat('f9ffff', 30000), 'hex'));

-- ABI: types and signatures
SELECT function_selector('transfer(address,uint256)'), function_selector('function transfer(address to, uint amount) returns (bool)');
SELECT event_topic('event Transfer(address indexed from, address indexed to, uint256 value)'), event_topic('Transfer(address,address,uint256)');
SELECT function_selector('{"type": "function", "name": "f", "inputs": [{"type": "tuple[]", "components": [{"type": "uint8"}]}]}') = function_selector('f((uint8)[])');
SELECT function_selector('transfer');
SELECT function_selector('transfer(address,uint257)');
SELECT function_selector('transfer(address');
SELECT function_selector('event Transfer(address)');
SELECT abi_encode('', '[]'), abi_decode('', '\x');
SELECT abi_encode('uint', '[1]') = abi_encode('uint256 amount', '["0x01"]');
SELECT abi_encode('uint256[0][]', '[[]]');
SELECT abi_encode(repeat('(', 5000), '[]');
SELECT abi_encode('uint8' || repeat('[]', 100), '[]');
SELECT abi_encode('uint256[1000000000][1000000000]', '[]');

-- values
SELECT abi_encode_call('transfer(address,uint256)', '["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "115792089237316195423570985008687907853269984665640564039457584007913129639935"]');
SELECT abi_encode_call('f((uint8 a, bool[] b) t)', '[{"b": [true, false], "a": 7}]') = abi_encode_call('f((uint8,bool[]))', '[[7, [true, false]]]');
SELECT abi_encode('int8,int256,bytes3,string,function', '[-128, "-1", "0x616263", "añb", "0x112233445566778899aabbccddeeff001122334455667788"]');
SELECT abi_encode('uint8', '[256]');
SELECT abi_encode('uint8', '[-1]');
SELECT abi_encode('uint8,(bool,address[])[]', '[1, [[true, ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"]]]]');
SELECT abi_encode('uint8', '[null]');
SELECT abi_encode('uint8', '[]');
SELECT abi_encode('uint8[2]', '[[1]]');
SELECT abi_encode('bytes4', '["0x0102"]');
SELECT abi_encode('(uint8 a)', '[{"b": 1}]');
SELECT abi_encode('bool', '["true"]');

-- decoding is strict
SELECT abi_decode('uint8,int16,bool,bytes2,string[]', abi_encode('uint8,int16,bool,bytes2,string[]', '[255, -2, true, "0xabcd", ["a", ""]]'));
SELECT abi_decode('bool', decode(lpad('02', 64, '0'), 'hex'));
SELECT abi_decode('uint8', decode(lpad('0100', 64, '0'), 'hex'));
SELECT abi_decode('address', decode(repeat('11', 32), 'hex'));
SELECT abi_decode('bytes', decode(lpad('20', 64, '0') || repeat('ff', 32), 'hex'));
SELECT abi_decode('uint256[]', decode(lpad('20', 64, '0') || lpad('ffffffff', 64, '0'), 'hex'));
SELECT abi_decode('uint256', '\x01');
-- what jsonb can't hold
SELECT abi_decode('string', abi_encode('bytes', '["0x6100"]'));
SELECT abi_decode('string', abi_encode('bytes', '["0xff"]'));
-- offsets that all point to one place
SELECT abi_decode('uint256' || repeat('[]', 10), decode(lpad('20', 64, '0') ||
	string_agg(lpad('0a', 64, '0') || repeat(lpad('0140', 64, '0'), 10), ''), 'hex')) FROM generate_series(1, 10);
SELECT abi_decode_call('transfer(address,uint256)', abi_encode_call('transfer(address,uint256)', '["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", 5]'));
SELECT abi_decode_call('approve(address,uint256)', abi_encode_call('transfer(address,uint256)', '["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", 5]'));
SELECT abi_encode_constructor('\x6000', 'constructor(uint8 a, bool)', '[1, true]');

-- events
SELECT abi_decode_event('Transfer(address indexed from,address indexed to,uint256)',
	ARRAY[event_topic('Transfer(address,address,uint256)'), decode(lpad('5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', 64, '0'), 'hex'), decode(lpad('', 64, '0'), 'hex')],
	decode(lpad('2a', 64, '0'), 'hex'));
SELECT abi_decode_event('event E(string indexed s, uint8) anonymous', ARRAY[keccak256('x')], decode(lpad('2a', 64, '0'), 'hex'));
SELECT abi_decode_event('Transfer(address indexed from)', ARRAY[event_topic('Other(address)'), keccak256('')], '');
SELECT abi_decode_event('Transfer(address indexed from)', ARRAY[event_topic('Transfer(address)'), '\x00'], '');
SELECT abi_decode_event('Transfer(address indexed from)', ARRAY[event_topic('Transfer(address)'), NULL], '');
SELECT abi_decode_event('Transfer(address indexed from)', array_fill('\x00'::bytea, ARRAY[5]), '');
SELECT abi_decode_event('E(uint8)', '{}', decode(lpad('2a', 64, '0'), 'hex'));

-- reverts, in words
SELECT abi_decode_error('')->>'text', abi_decode_error('\x4e487b71' || decode(lpad('12', 64, '0'), 'hex'))->>'text';
SELECT abi_decode_error('\x08c379a0' || abi_encode('string', '["paused"]'));
SELECT abi_decode_error('\xcf479181' || abi_encode('uint256,uint256', '[1,2]'), '["error InsufficientBalance(uint256 available, uint256 required)"]');
SELECT abi_decode_error('\xcf479181' || abi_encode('uint256,uint256', '[1,2]'))->>'kind';
SELECT abi_decode_error('\x08c379a0' || abi_encode('bytes', '["0x610062"]'));
SELECT abi_decode_error('\x00', '5');

-- a name may begin like a keyword; places lead to the element, the argument and the type
SELECT abi_decode_error(function_selector('errors()'), '["eventual(uint8)", "errors()", "constructorOf(address)"]')->>'kind';
SELECT abi_decode_error('\x01020304', '["error E(uint8)", "error F(uint7)"]');
SELECT function_selector('{"type": "function", "name": "f", "inputs": [{"type": "bool"}, {"type": "tuple", "components": [{"type": "uint999"}]}]}');
SELECT function_selector('{"type": "function", "name": "f", "inputs": [{"type": "tuple"}]}');
SELECT function_selector('{"type": "function",');
SELECT function_selector('f(uint8) outwards');
SELECT event_topic('E(uint8 indexed a, uint8 indexed b, uint8 indexed c, uint8 indexed d)');
SELECT abi_decode('uint8 id, (address payer, string note)[] payments', abi_encode('uint8,(address,bytes)[]', '[1, [["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xff"]]]'));
SELECT abi_decode_event('Transfer(address indexed from)', ARRAY[event_topic('Transfer(address)'), keccak256('')], '');
SELECT abi_encode('(uint8 a)', '[{"a": 1, "b": 2}]');
SELECT abi_encode('(uint8 a, uint8 a)', '[{"a": 1}]');
-- a long name is cut between characters
SELECT abi_encode('(uint8 a)', jsonb_build_array(jsonb_build_object('a', 1, 'a' || repeat('é', 30), 2)));
