-- Guards: who signed a message is found out exactly; what proves nothing is
-- false, and malformed input is DL006.
SET search_path TO dalp, public;

SELECT eip191_hash('hello world'::bytea), eip191_hash('');
SELECT eip191_validator_hash('0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', '\x01')
	= keccak256('\x19005aaeb6053f3e94c9b9a09f33669435e7ef1beaed01');

-- the example of EIP-712
\set mail '{"types": {"Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}], "Mail": [{"name": "from", "type": "Person"}, {"name": "to", "type": "Person"}, {"name": "contents", "type": "string"}]}, "primaryType": "Mail", "domain": {"name": "Ether Mail", "version": "1", "chainId": 1, "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"}, "message": {"from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"}, "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"}, "contents": "Hello, Bob!"}}'
\set signature '''\\x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c'''
SELECT eip712_hash(:'mail');
SELECT ecrecover(eip712_hash(:'mail'), :signature);
SELECT verify_typed_data('0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826', :'mail', :signature),
	verify_typed_data('0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB', :'mail', :signature);
SELECT eip712_encode_type(:'mail', 'Mail'), eip712_encode_type(:'mail', 'EIP712Domain');
SELECT eip712_encode_type(:'mail', 'Letter');
-- numbers beyond a double, in any notation, and U+0000 in text
SELECT eip712_hash('{"types": {"T": [{"name": "a", "type": "uint256"}]}, "primaryType": "T", "domain": {}, "message": {"a": 9007199254740993}}')
	= eip712_hash('{"types": {"T": [{"name": "a", "type": "uint256"}]}, "primaryType": "T", "domain": {}, "message": {"a": "0x20000000000001"}}');
SELECT eip712_hash('{"types": {"T": [{"name": "a", "type": "string"}]}, "primaryType": "T", "domain": {}, "message": {"a": "\u0000"}}');
SELECT eip712_hash('{"types": {"T": [{"name": "a", "type": "uint8"}]}, "primaryType": "T", "domain": {}, "message": {"a": 256}}');
SELECT eip712_hash('{"types": {"T": [{"name": "a", "type": "uint8"}]}, "primaryType": "T", "domain": {}, "message": {}}');
SELECT eip712_hash('{"types": {"T": [{"name": "a", "type": "uint8"}]}, "primaryType": "T", "domain": {}, "message": {"a": 1, "b": 2}}');
SELECT eip712_hash('{"types": {"T": [{"name": "a", "type": "U"}]}, "primaryType": "T", "domain": {}, "message": {"a": 1}}');
SELECT eip712_hash('{"types": {"T": [{"name": "a", "type": "T[]"}]}, "primaryType": "U", "domain": {}, "message": {"a": []}}');
SELECT eip712_hash('{"types": {}, "primaryType": "T", "domain": {"foo": 1}, "message": {}}');
SELECT eip712_hash('[]');

-- signatures
SELECT ecrecover('\x00', :signature);
SELECT ecrecover(eip712_hash(:'mail'), '\x00');
SELECT ecrecover(eip712_hash(:'mail'), set_byte(:signature, 64, 2));
SELECT ecrecover(eip712_hash(:'mail'), decode(repeat('00', 65), 'hex'));
SELECT ecrecover(eip712_hash(:'mail'), set_byte(:signature, 64, 1)) = ecrecover(eip712_hash(:'mail'), :signature);
-- the same signature with a high s: the precompile takes it, verification doesn't
\set high '''\\x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9df8d666c92cfb3eac09bbc205fa0bf00eb2d7b3d4f8517d33c63c3b76ca7d2bdf1b'''
SELECT ecrecover(eip712_hash(:'mail'), :high), verify_typed_data('0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826', :'mail', :high);
SELECT verify_message('0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826', 'x', :signature),
	verify_message('0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826', 'x', decode(repeat('ff', 65), 'hex'));
SELECT verify_message('0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826', 'x', substr(:signature::bytea, 1, 64));

-- the two examples of EIP-2098
SELECT ecrecover(eip191_hash('Hello World'), signature_expand('\x68a020a209d3d56c46f38cc50a33f704f4a9a10a59377f8dd762ac66910e9b907e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea52064')),
	ecrecover(eip191_hash('It''s a small(er) world'), signature_expand('\x9328da16089fcba9bececa81663203989f2df5fe1faa6291a45381c81bd17f76939c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793'));
SELECT signature_expand(signature_compact(:signature)) = :signature;
SELECT signature_compact(:high);
SELECT signature_expand(:signature);

-- the key 1, in both forms
SELECT public_key_address('\x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'),
	public_key_address('\x0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8');
SELECT public_key_address('\x0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b9');
SELECT public_key_address('');

-- EIP-1271
SELECT eip1271_call(keccak256(''), :signature) =
	abi_encode_call('isValidSignature(bytes32,bytes)', jsonb_build_array('0x' || encode(keccak256(''), 'hex'), '0x' || encode(:signature, 'hex')));
SELECT eip1271_valid(decode(rpad('1626ba7e', 64, '0'), 'hex')), eip1271_valid('\x1626ba7e'), eip1271_valid(decode(repeat('ff', 32), 'hex'));
